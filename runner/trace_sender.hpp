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
  /// How long it waits; tests make it quick.
  struct Timing {
    std::chrono::milliseconds interval{
        3'000};            ///< between rounds, until the coordinator names another
    int early_rounds = 5;  ///< these come quickly: somebody may be watching how the job starts
    std::chrono::milliseconds early_interval{400};
    std::chrono::milliseconds first_retry{1'000};  ///< of the end, doubled by each
    std::chrono::milliseconds longest_retry{std::chrono::minutes{60}};
  };
  struct Settings {
    std::int64_t job = 0;
    util::Secret token;
    bool debug_trace = false;
    /// job_status_final_update_retry_limit; below 1: 10
    int final_tries = 10;
    Timing timing{};
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

  /// Between two rounds, as the coordinator said last.
  std::chrono::milliseconds interval() const { return interval_; }

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
  std::string unreadable_;  ///< why the spool could not be read; "" = it can
  bool finished_ = false;   ///< what finish() returned
  util::Event stopping_;
  util::TaskGroup tasks_;
};

}  // namespace slipway::runner
