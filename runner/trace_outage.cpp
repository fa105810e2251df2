#include "runner/trace_outage.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

namespace slipway::runner {

namespace {
using std::chrono::milliseconds;

constexpr milliseconds longest_pause{30'000};
constexpr int longest_factor = 10;
/// Doubling further than the factor allows is of no use, and would overflow some day.
constexpr int most_doublings = 4;
}  // namespace

void CoordinatorOutage::failed(std::string_view doing, std::string_view cause) {
  cause_ = cause;
  ++failures_in_all_;
  if (failures_++ == 0) {
    since_ = std::chrono::steady_clock::now();
    spdlog::warn("{}: {}; trying again until the coordinator is back job={}", doing, cause, job_);
  } else {
    spdlog::debug("{}: {} job={} failures={}", doing, cause, job_, failures_);
  }
}

void CoordinatorOutage::answered() {
  ++answers_;
  if (failures_ == 0) return;
  const auto duration = std::chrono::duration_cast<std::chrono::duration<double>>(
      std::chrono::steady_clock::now() - since_);
  spdlog::info("the coordinator is back job={} failures={} after={:.1f}s", job_, failures_,
               duration.count());
  failures_ = 0;
  cause_.clear();
}

milliseconds CoordinatorOutage::pause(milliseconds interval, double random) const {
  const auto top = std::max(interval, std::min(interval * longest_factor, longest_pause));
  const auto doublings = std::clamp(failures_ - 1, 0, most_doublings);
  const auto whole = std::min(interval * (1 << doublings), top);
  const auto added = static_cast<double>((whole - interval).count());
  return whole - milliseconds{std::lround(added * random / 4)};
}

}  // namespace slipway::runner
