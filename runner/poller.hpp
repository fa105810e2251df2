#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>

#include "config/config.hpp"
#include "gitlab_api/client.hpp"
#include "runner/poll_pause.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::runner {

class Service;

/// Asks one runner's coordinator for jobs, on its own: no runner's long poll delays another's.
/// GitLab API: POST /jobs/request. service must outlive it.
class Poller {
 public:
  Poller(asio::any_io_executor executor, Service& service, config::Runner runner,
         gitlab_api::ClientOptions client, std::chrono::milliseconds check_interval);

  /// Polls until cancelled.
  asio::awaitable<void> run();

  const config::Runner& runner() const { return runner_; }
  gitlab_api::Client& gitlab() { return gitlab_; }
  /// When the last job came, or polling began.
  std::chrono::steady_clock::time_point last_job() const { return last_job_; }

 private:
  asio::awaitable<void> poll_once();
  void after_answer(const gitlab_api::JobRequestResult& result);
  asio::awaitable<void> give_back(job::PayloadError unusable);

  Service& service_;
  config::Runner runner_;
  gitlab_api::Client gitlab_;
  PollPause pauses_;
  std::chrono::milliseconds pause_{0};  ///< before the next poll
  std::chrono::steady_clock::time_point last_job_;
};

}  // namespace slipway::runner
