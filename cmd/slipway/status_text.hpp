#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "runner/status.hpp"

namespace slipway::cmd {

/// How a status is looked at.
struct StatusView {
  std::int64_t now = 0;         ///< seconds since 1970
  std::chrono::seconds age{0};  ///< since the status was written
  bool running = false;         ///< false: what is shown was so when the daemon ended
};

/// The status for a person at a terminal, with line feeds. What came from elsewhere loses its
/// control characters. Pure.
std::string status_text(const runner::Status& status, const StatusView& view);

}  // namespace slipway::cmd
