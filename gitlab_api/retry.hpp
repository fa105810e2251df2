#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "net/http.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::gitlab_api {

/// What the retry layer takes from the outside world; tests replace it, so that retries cost no
/// time.
struct RetryClock {
  std::function<asio::awaitable<void>(std::chrono::milliseconds)> sleep;
  std::function<std::chrono::system_clock::time_point()> now;
  std::function<double()> random;  ///< uniform in [0, 1)
  /// For ages, whatever happens to the wall clock.
  std::function<std::chrono::steady_clock::time_point()> steady{std::chrono::steady_clock::now};

  /// The real ones.
  static RetryClock system();
};

/// HTTP attempts of one call, the first included.
inline constexpr int max_attempts = 5;

/// Whether an answer with this status is asked for again.
bool is_retried(int status);

/// How long to wait before attempt `attempt + 2`, where `attempt` counts from 0:
/// `RateLimit-ResetTime` in the future, else `Retry-After`, else exponential backoff from 100 ms to
/// 60 s with jitter. What the server asks for is honoured up to a day.
std::chrono::milliseconds retry_wait(const net::Headers& answer, int attempt,
                                     const RetryClock& clock);

}  // namespace slipway::gitlab_api
