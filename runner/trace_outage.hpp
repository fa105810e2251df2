#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::runner {

/// Whether the coordinator takes what one job has to say. An outage is told in the daemon's log
/// when it begins and when it is over, not with every call that fails meanwhile.
class CoordinatorOutage {
 public:
  explicit CoordinatorOutage(std::int64_t job) : job_{job} {}

  /// A call failed. `doing`: what was tried, such as `sending the log`.
  void failed(std::string_view doing, std::string_view cause);
  /// A call was answered with anything but a failure.
  void answered();

  /// Of the last call, if it failed; else "".
  const std::string& cause() const { return cause_; }
  /// Calls that failed since the last answer.
  int failures() const { return failures_; }
  /// Calls that failed in all.
  int failures_in_all() const { return failures_in_all_; }
  /// Calls that were answered in all.
  int answers() const { return answers_; }
  /// How long to wait after the last failure: `interval`, doubled by each further one, at most ten
  /// times the interval and half a minute (but never less than the interval). `random` in [0, 1)
  /// takes up to a quarter off what was added, so that many jobs do not come back at once.
  std::chrono::milliseconds pause(std::chrono::milliseconds interval, double random) const;

 private:
  std::int64_t job_;
  int failures_ = 0;
  int failures_in_all_ = 0;
  int answers_ = 0;
  std::string cause_;
  std::chrono::steady_clock::time_point since_{};
};

}  // namespace slipway::runner
