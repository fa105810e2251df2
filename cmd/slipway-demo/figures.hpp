#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::demo {

/// What the daemon says of a job at its end: `job finished job=1 result=success prepare=12ms …`.
struct Figures {
  std::string result;
  /// Name and length (`1.2 s`), in the order in which they came.
  std::vector<std::pair<std::string, std::string>> phases;
  std::string duration;
  std::uint64_t starts = 0;
  std::uint64_t engine_calls = 0;
};

/// Finds them in the daemon's log; nullopt when the job has not ended by that.
std::optional<Figures> find_figures(std::string_view log, std::int64_t job);

/// `8 ms`, `1.2 s`, `2 min 5 s`.
std::string duration_text(std::uint64_t milliseconds);

}  // namespace slipway::demo
