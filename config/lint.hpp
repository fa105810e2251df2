#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace slipway::config {

/// Something in a configuration file that an administrator should change.
struct Problem {
  enum class Kind {
    unusable,     ///< the file cannot be used as it is
    unknown_key,  ///< means nothing
    value,        ///< would fail jobs, or means something else than it seems
  };
  Kind kind = Kind::value;
  std::uint32_t line = 0;    ///< 0 = the file as a whole
  std::uint32_t column = 0;  ///< 0 = not known
  /// Whole, with file and line; for an unknown key `unknown key: runners.buids_dir (line 7, …)`.
  std::string text;
};

std::string_view to_string(Problem::Kind kind);

/// All that load() warns of or refuses, and keys that are only tolerated. Changes nothing, and asks
/// no server.
std::vector<Problem> lint(const std::string& path,
                          const Environment& environment = process_environment());

}  // namespace slipway::config
