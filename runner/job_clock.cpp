#include "runner/job_clock.hpp"

#include <time.h>

#include <algorithm>
#include <fstream>

namespace slipway::runner {

namespace {
std::string boot_id() {
  std::string id;
  std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, id);
  return id;
}
}  // namespace

ClockReading ClockReading::now() {
  using namespace std::chrono;
  static const auto boot = boot_id();
  ClockReading reading;
  reading.boot = boot;
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  reading.since_boot =
      duration_cast<milliseconds>(seconds{time.tv_sec} + nanoseconds{time.tv_nsec});
  reading.wall = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
  return reading;
}

std::chrono::milliseconds elapsed(const ClockReading& earlier, const ClockReading& later) {
  const bool same_boot = !earlier.boot.empty() && earlier.boot == later.boot;
  const auto time = same_boot ? later.since_boot - earlier.since_boot : later.wall - earlier.wall;
  return std::max(time, std::chrono::milliseconds{0});
}

}  // namespace slipway::runner
