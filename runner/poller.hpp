#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <string>

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

  /// Polls until cancelled, or until retire() and the answers to the requests under way.
  asio::awaitable<void> run();

  /// Settings that the coordinator does not see: they hold for the next job. A pause after refusals
  /// is over. `runner` has the same url, token and TLS files.
  void use_settings(const config::Runner& runner, std::chrono::milliseconds check_interval);
  /// No further requests. A job that one under way brings is still taken, or it would be lost.
  /// \param config  the text of the runner's configuration, for that job's journal.
  void retire(std::string config);
  bool retired() const { return retired_; }
  const std::string& retired_config() const { return retired_config_; }
  /// run() has returned.
  bool ended() const { return ended_; }
  /// Neither an answer nor a wait that another explains for so long: something is wrong with it.
  bool stuck(std::chrono::milliseconds limit) const;

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
  Time last_step_;        ///< when it last began to wait for something, or to ask
  bool waiting_ = false;  ///< for room or for an answer, as long as that takes
  bool retired_ = false;
  bool ended_ = false;
  std::string retired_config_;
  util::Condition answered_;
  util::TaskGroup tasks_;  ///< the requests, and jobs that are given back
};

}  // namespace slipway::runner
