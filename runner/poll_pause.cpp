#include "runner/poll_pause.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 30s;
constexpr double jitter = 0.2;  ///< of the pause, to both sides
constexpr std::chrono::milliseconds default_long_pause = 1h;
constexpr int default_limit = 3;
}  // namespace

PollPause::PollPause(const config::Runner& runner, std::chrono::milliseconds check_interval,
                     std::function<double()> random)
    : check_interval_{check_interval},
      strict_{runner.strict_check_interval},
      long_pause_{runner.unhealthy_interval.value_or(default_long_pause)},
      random_{std::move(random)} {
  if (!runner.unhealthy_requests_limit && !runner.unhealthy_interval) return;
  limit_ = runner.unhealthy_requests_limit.value_or(default_limit);
  if (*limit_ < 1) limit_ = default_limit;
}

std::chrono::milliseconds PollPause::after(const gitlab_api::JobRequestResult& answer) {
  if (answer.healthy()) {
    refused_ = 0ms;
    refusals_ = 0;
    const bool job = answer.kind == gitlab_api::JobRequestResult::Kind::job;
    return job && !strict_ ? 0ms : check_interval_;
  }
  ++refusals_;
  if (limit_ && refusals_ >= *limit_) {
    // The check that follows is forced: if it fails too, counting begins again.
    refused_ = 0ms;
    refusals_ = 0;
    return long_pause_;
  }
  refused_ = std::clamp(refused_ * 2, first_pause, longest_pause);
  const auto factor = 1 - jitter + 2 * jitter * random_();
  return std::chrono::milliseconds{
      static_cast<std::int64_t>(static_cast<double>(refused_.count()) * factor)};
}

double PollPause::system_random() {
  static std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

}  // namespace slipway::runner
