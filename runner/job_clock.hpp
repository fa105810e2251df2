#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace slipway::runner {

/// A point in time that another process can measure from: the wall clock may jump, so within one
/// boot the time since that boot counts, suspended time included.
struct ClockReading {
  std::string boot;  ///< the kernel's id of this boot, "" = unknown
  std::chrono::milliseconds since_boot{0};
  std::chrono::milliseconds wall{0};  ///< since 1970

  static ClockReading now();
};

/// From `earlier` to `later`, never negative. After a reboot only the wall clock can tell.
std::chrono::milliseconds elapsed(const ClockReading& earlier, const ClockReading& later);

}  // namespace slipway::runner
