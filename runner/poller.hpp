#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>

#include "config/config.hpp"
#include "config/edit.hpp"
#include "gitlab_api/client.hpp"
#include "runner/poll_pause.hpp"
#include "runner/request_limit.hpp"
#include "util/asio_fwd.hpp"
#include "util/condition.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

class Service;

/// Asks one runner's coordinator for jobs, on its own: no runner's long poll delays another's. At
/// most `request_concurrency` requests are under way at once, begun a check_interval apart; a job
/// is followed by the next request at once (unless strict_check_interval). What a coordinator that
/// holds requests answers is thus followed at once, too.
/// GitLab API: POST /jobs/request. service must outlive it. Await run() before destruction.
class Poller {
 public:
  /// \param first_delay  before the first request: the runners take turns.
  Poller(asio::any_io_executor executor, Service& service, config::Runner runner,
         gitlab_api::ClientOptions client, std::chrono::milliseconds check_interval,
         std::chrono::milliseconds first_delay = std::chrono::milliseconds{0});

  /// Polls until cancelled.
  asio::awaitable<void> run();

  /// From now on the runner's token is another one.
  void use_token(const config::TokenChange& change);

  const config::Runner& runner() const { return runner_; }
  gitlab_api::Client& gitlab() { return gitlab_; }
  /// When the last job came, or polling began.
  std::chrono::steady_clock::time_point last_job() const { return last_job_; }
  int requests_under_way() const { return under_way_; }
  const RequestLimit& request_limit() const { return limit_; }
  /// Figures since the start.
  struct Counts {
    std::uint64_t feeds = 0;     ///< requests made
    std::uint64_t exceeded = 0;  ///< times that request_concurrency held one back
    std::uint64_t refused = 0;   ///< refusals by the coordinator
  };
  const Counts& counts() const { return counts_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  asio::awaitable<void> poll();
  asio::awaitable<void> turn();
  asio::awaitable<void> poll_once();
  void after_answer(const gitlab_api::JobRequestResult& result, bool stale);
  asio::awaitable<void> give_back(job::PayloadError unusable);

  Service& service_;
  config::Runner runner_;
  gitlab_api::Client gitlab_;
  PollPause pauses_;
  std::chrono::milliseconds check_interval_;
  std::chrono::milliseconds first_delay_;
  RequestLimit limit_;
  Counts counts_;
  int under_way_ = 0;
  int lanes_ = 0;  ///< coroutines that make requests
  Time next_{};    ///< not before then
  Time last_job_;
  util::Condition answered_;
  util::TaskGroup tasks_;  ///< the requests, and jobs that are given back
};

}  // namespace slipway::runner
