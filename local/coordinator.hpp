#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "local/faults.hpp"
#include "local/job_record.hpp"
#include "net/endpoint.hpp"
#include "util/asio_fwd.hpp"
#include "util/secret.hpp"

namespace slipway::local {

struct CoordinatorOptions {
  /// Accepted by POST /runners. Empty: nobody can register.
  util::Secret registration_token;
  /// How long a job request without a job is held, once the runner has seen a queue version. 0:
  /// answered at once.
  std::chrono::milliseconds long_poll{50'000};
  /// Sent as X-GitLab-Trace-Update-Interval.
  std::chrono::seconds trace_update_interval{3};
  /// A job handed out but never accepted (PUT, PATCH) goes back to the queue after this.
  std::chrono::milliseconds accept_limit{60'000};
  std::int64_t first_runner_id = 12345;
  std::int64_t first_job_id = 1;
  std::size_t max_trace = 256u << 20;   ///< bytes of one job's log; more is refused with 403
  std::size_t max_artifact = 1u << 30;  ///< bytes of one upload; more is refused with 413
  std::chrono::milliseconds git_limit{600'000};  ///< of one git exchange
  std::function<TimePoint()> now = std::chrono::steady_clock::now;
};

/// A request that no endpoint serves, or that no GitLab Runner would send; tests fail on them.
struct UnexpectedRequest {
  std::string method;
  std::string target;
  std::string why;
};

/// How the coordinator meets its peers, all of them; single endpoints have their Faults.
enum class Presence {
  there,
  refusing,        ///< its ports are closed: what was connected is cut, what comes is refused
  hanging,         ///< takes requests and answers none; those that wait are cut when that is over
  failing,         ///< answers everything with 503
  losing_answers,  ///< does what it is asked and cuts the connection; git is cut before
};

/// One served request, for tests and the bench.
struct Call {
  Endpoint endpoint;
  int status = 0;  ///< as sent; 0 = the connection was dropped
  std::string request_id;
  std::string user_agent;
  TimePoint at;  ///< of its arrival
};

/// A small GitLab-compatible coordinator: runners, a job queue with long polling, traces, artifacts
/// and git over HTTP, all in memory. Serves `slipway exec`, the demo and the integration tests, the
/// latter with faults injected. Every endpoint needs a token, since any container of the host may
/// reach it. Runs on the executor's single thread; every member is called there. GitLab API:
/// server's side of /api/v4/runners and /api/v4/jobs.
class Coordinator {
 public:
  Coordinator(asio::any_io_executor executor, CoordinatorOptions options);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;

  /// Binds at once; may be called several times. Returns the port. \throws net::Error.
  std::uint16_t listen(net::Endpoint endpoint);
  /// Serves until cancelled (any kind), then waits for what is running and throws
  /// operation_aborted.
  asio::awaitable<void> run();

  /// Base URL for the payloads, as the job's containers reach it (`http://172.17.0.1:8929`, no
  /// trailing slash): replaces `@SERVER_URL@` in enqueued payloads. Default:
  /// `http://127.0.0.1:<port of the first listener>`.
  void set_external_url(std::string url);
  const std::string& external_url() const;

  /// Queues a job and wakes a waiting poll at once. Missing `id` and `token` are filled in; within
  /// `git_info`, `variables` and `credentials` the texts `@JOB_ID@`, `@JOB_TOKEN@`, `@SERVER_URL@`
  /// and `@SERVER_HOST@` are replaced; `x_tags` (list of strings) says which tags a runner needs
  /// and is not handed out. Returns the job's id. \throws std::invalid_argument when the payload is
  /// no object or the id is taken.
  std::int64_t enqueue(nlohmann::json payload);

  /// \throws std::out_of_range for an unknown id. The reference stays valid as long as the
  /// coordinator.
  const JobRecord& job(std::int64_t id) const;
  std::vector<std::int64_t> job_ids() const;
  /// Waits until the job's state is final. \throws util::TimeoutError. Cancellation: any kind.
  asio::awaitable<void> wait_finished(std::int64_t id, std::chrono::milliseconds limit);
  /// Waits until `condition` holds; it is asked now and after every change of the job. As
  /// wait_finished().
  asio::awaitable<void> wait_until(std::int64_t id, std::function<bool(const JobRecord&)> condition,
                                   std::chrono::milliseconds limit);
  /// Called with every new piece of a trace; a piece sent again after a 412 is not shown twice.
  void on_trace(std::function<void(std::int64_t id, std::string_view bytes)> sink);
  /// Rewrites every payload's JSON text as it is handed out: for bytes that no JSON library writes.
  void set_payload_filter(std::function<std::string(std::string)> filter);
  /// Graceful: the runner is told `canceling`, runs after_script and sends the final state (a
  /// runner without the feature cancel_gracefully gets the other kind). Else the job is `canceled`
  /// now, and its runner's calls are answered by 403. A pending job is cancelled at once; a
  /// finished one is left alone.
  void cancel(std::int64_t id, bool graceful);

  /// From now on, until told otherwise. A job request held at that time is still answered.
  void set_presence(Presence presence);
  /// Forgets what follows the first `keep` bytes of a job's log, as a coordinator does that lost
  /// its last write.
  void cut_trace(std::int64_t id, std::uint64_t keep);

  /// Registered runners, removed ones included; references stay valid as long as the coordinator.
  const std::deque<RunnerRecord>& runners() const;
  /// Adds a runner as if made in the UI. An empty token is filled in (`glrt-…`). Returns the id.
  std::int64_t add_runner(util::Secret token = {}, std::vector<std::string> tags = {},
                          bool run_untagged = true);
  /// Job requests held at the moment, waiting for a job.
  std::size_t waiting_polls() const;
  /// A paused runner is given no jobs.
  void pause_runner(std::int64_t id, bool paused);

  /// Serves a bare repository at `/<project_path>.git`, to the jobs of that project while they run.
  /// Any commit in it can be fetched, refs/pipelines/<id> too if it is there. \throws
  /// std::invalid_argument for a path with `..`, an empty part or anything but letters, digits,
  /// `-_./`.
  void add_repository(std::string project_path, std::filesystem::path bare_repository);

  Faults& faults();
  const std::vector<UnexpectedRequest>& unexpected_requests() const;
  /// The last 10,000 served requests.
  const std::deque<Call>& calls() const;
  std::size_t count(Endpoint endpoint) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::local
