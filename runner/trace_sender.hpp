#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "gitlab_api/client.hpp"
#include "runner/trace.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// Brings one job's log and state to the coordinator: incrementally while the job runs, then whole,
/// then the final state. GitLab API: PATCH /jobs/:id/trace, PUT /jobs/:id. Await finish() or stop()
/// before destruction.
class TraceSender {
 public:
  struct Settings {
    std::int64_t job = 0;
    util::Secret token;
    bool debug_trace = false;
    int final_tries = 10;  ///< job_status_final_update_retry_limit
  };
  /// `on_abort`: the job is gone (canceled, 403 …). `on_cancel`: `canceling`, may come repeatedly.
  TraceSender(asio::any_io_executor executor, gitlab_api::Client& gitlab, Trace& trace,
              Settings settings, std::function<void()> on_abort, std::function<void()> on_cancel);

  /// PUT `running` with empty output: tells the coordinator that the job was taken. False: the job
  /// must be dropped.
  asio::awaitable<bool> accept();
  /// Starts the incremental rounds.
  void start();
  /// Ends the rounds (waits for one under way), sends the rest of the log and the final state, and
  /// tries again as documented. The log must be closed. False: the coordinator never took it.
  asio::awaitable<bool> finish(gitlab_api::JobUpdate update);
  /// Ends the rounds, sends nothing more.
  asio::awaitable<void> stop();

 private:
  enum class Flushed { all, gone, failed };

  asio::awaitable<void> rounds();
  asio::awaitable<void> round();
  asio::awaitable<gitlab_api::PatchResult> patch();
  asio::awaitable<Flushed> flush();
  asio::awaitable<bool> finish_once(gitlab_api::JobUpdate update);
  std::chrono::milliseconds pause_before_round() const;
  void take(const gitlab_api::JobSignals& signals);

  gitlab_api::Client& gitlab_;
  Trace& trace_;
  Settings settings_;
  std::function<void()> on_abort_;
  std::function<void()> on_cancel_;
  std::uint64_t sent_ = 0;
  std::chrono::milliseconds interval_;
  int rounds_ = 0;
  bool aborted_ = false;
  bool finishing_ = false;
  util::Event stopping_;
  util::TaskGroup tasks_;
};

}  // namespace slipway::runner
