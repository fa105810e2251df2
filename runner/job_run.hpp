#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "executors/executor.hpp"
#include "gitlab_api/client.hpp"
#include "job/job.hpp"
#include "runner/failure_reason.hpp"
#include "runner/slots.hpp"
#include "runner/stages.hpp"
#include "runner/state_dir.hpp"
#include "runner/trace.hpp"
#include "runner/trace_sender.hpp"
#include "util/asio_fwd.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// Makes the executor of one try of prepare. Throws job::Failure when the configuration does not
/// allow the job.
using MakeExecutor = std::function<std::unique_ptr<executors::Executor>(
    const job::Job&, executors::JobLog&, std::chrono::seconds timeout)>;

/// Counters that an executor may report for the summary line of a job.
struct JobCounters {
  std::function<std::uint64_t()> engine_calls;
};

/// One job from its arrival to its final state and the removal of what it left. Owns all that
/// happens in between. gitlab and state must outlive it. Await run() once.
class JobRun {
 public:
  struct Settings {
    job::Job job;
    config::Runner runner;
    std::string system_id;
    std::string hostname;  ///< of this machine, for `via …`
    std::string user_agent;
    std::string program;  ///< `slipway 0.1.0 (abc)` for the first line
    MakeExecutor make_executor;
    JobCounters counters;
  };

  JobRun(asio::any_io_executor executor, gitlab_api::Client& gitlab, const StateDir& state,
         Settings settings, std::function<void()> on_reported);

  /// Takes the job on, runs it, reports its end (then calls `on_reported`) and removes what it
  /// left. Never throws but for cancellation, which abandons the job.
  asio::awaitable<void> run();

  /// Ends the job: TERM to the stage under way, no further stage. Idempotent; the first reason
  /// counts.
  void stop(StopReason reason, std::string text);

  const job::Job& job() const { return settings_.job; }

 private:
  struct Phase {
    const char* name;
    std::chrono::milliseconds duration;
  };

  void start_log();
  void print_header();
  void cancel_gracefully();
  asio::awaitable<void> execute();
  asio::awaitable<void> work();
  asio::awaitable<void> prepare();
  asio::awaitable<void> prepare_once();
  asio::awaitable<void> prepare_environment();
  asio::awaitable<void> get_sources();
  asio::awaitable<void> run_user_stages();
  asio::awaitable<void> after_script(std::exception_ptr script_failure);
  asio::awaitable<void> cleanup_files();
  asio::awaitable<void> run_stage(executors::Stage stage, std::chrono::milliseconds limit);
  asio::awaitable<void> in_section(std::string name, asio::awaitable<void> body);
  asio::awaitable<void> watch_deadline();
  asio::awaitable<void> force_stage_end(int number);
  asio::awaitable<void> limit_stage(std::chrono::milliseconds limit, bool* reached);
  /// `unmapped`: the reason is sent as it is, whatever the coordinator knows.
  asio::awaitable<void> report(std::optional<JobFailure> failure, bool unmapped);
  void refuse_unsupported();
  void check_stopped() const;
  void finish_phase(const char* name, std::chrono::steady_clock::time_point since);
  void log_end(const std::optional<JobFailure>& failure);
  StageInput stage_input() const;
  std::chrono::milliseconds duration_setting(const std::string& name,
                                             std::chrono::milliseconds fallback);

  asio::any_io_executor executor_;
  gitlab_api::Client& gitlab_;
  const StateDir& state_;
  Settings settings_;
  std::function<void()> on_reported_;
  std::unique_ptr<Trace> trace_;
  std::unique_ptr<TraceSender> sender_;
  std::unique_ptr<executors::Executor> environment_;
  std::chrono::steady_clock::time_point started_;
  std::exception_ptr failure_;
  StopReason stop_reason_ = StopReason::none;
  std::string stop_text_;
  bool stage_running_ = false;
  int stage_number_ = 0;  ///< counts the stages, so that a late timer does not end the next one
  bool in_script_ = false;
  bool script_cancelled_ = false;
  bool script_timed_out_ = false;
  bool sections_ = false;
  std::vector<Phase> phases_;
  util::TaskGroup work_;    ///< the job's main part, cancelled to end it
  util::TaskGroup stage_;   ///< the stage under way
  util::TaskGroup timers_;  ///< its deadline and the last resort after stop()
};

}  // namespace slipway::runner
