#include "runner/request_limit.hpp"

#include <algorithm>
#include <cmath>

namespace slipway::runner {

namespace {
constexpr double after_job = 1.1;
constexpr double after_none = 0.95;
constexpr double after_retries = 0.5;
}  // namespace

RequestLimit::RequestLimit(int hard, bool adaptive)
    : hard_{std::max(hard, 1)}, adaptive_{adaptive} {}

void RequestLimit::note(Outcome outcome) {
  const double factor = outcome == Outcome::job    ? after_job
                        : outcome == Outcome::none ? after_none
                                                   : after_retries;
  level_ = std::clamp(level_ * factor, 1.0, static_cast<double>(hard_));
}

int RequestLimit::current() const {
  if (!adaptive_) return hard_;
  return std::clamp(static_cast<int>(std::ceil(level_)), 1, hard_);
}

}  // namespace slipway::runner
