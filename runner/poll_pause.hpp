#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "config/config.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::runner {

/// How long a runner waits before it asks for a job again. A coordinator that refuses it is asked
/// after 1, 2, 4 … 30 s with jitter, for ever; only where unhealthy_requests_limit or
/// unhealthy_interval is set, so many refusals in a row are followed by that pause.
class PollPause {
 public:
  /// \param random  uniform in [0, 1).
  PollPause(const config::Runner& runner, std::chrono::milliseconds check_interval,
            std::function<double()> random = system_random);

  /// To be called with every answer, once.
  std::chrono::milliseconds after(const gitlab_api::JobRequestResult& answer);

  static double system_random();

 private:
  std::chrono::milliseconds check_interval_;
  bool strict_;               ///< strict_check_interval: not even a job shortens the interval
  std::optional<int> limit_;  ///< refusals before the long pause; unset: there is none
  std::chrono::milliseconds long_pause_;
  std::function<double()> random_;
  std::chrono::milliseconds refused_{0};  ///< the last pause after a refusal, without jitter
  int refusals_ = 0;
};

}  // namespace slipway::runner
