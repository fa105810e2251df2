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
#include "runner/journal.hpp"
#include "runner/stages.hpp"
#include "runner/state_dir.hpp"
#include "runner/trace.hpp"
#include "runner/trace_sender.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// What an executor is made for: one try of prepare, or a job taken over.
struct ExecutorRequest {
  const job::Job& job;
  executors::JobLog& log;
  std::chrono::seconds timeout{0};
  std::string job_key;    ///< value of the label io.slipway.job
  std::string execution;  ///< random part of names
  executors::Checkpoint checkpoint;
};

/// Throws job::Failure when the configuration does not allow the job.
using MakeExecutor = std::function<std::unique_ptr<executors::Executor>(ExecutorRequest)>;

/// Counters that an executor may report for the summary line of a job.
struct JobCounters {
  std::function<std::uint64_t()> engine_calls;
};

/// One job from its arrival to its final state and the removal of what it left. Owns all that
/// happens in between, and keeps a journal of it, from which a later process goes on. gitlab and
/// state_dir must outlive it. Await run() once.
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
    bool adoptable = true;  ///< its executor lets a later process go on with it
    JournalHeader header;   ///< of a new job
    /// Of a job that was left: set when its objects, if no executor has them, were looked for.
    util::Event* swept = nullptr;
    std::function<void()> on_change;  ///< called when state() may have changed; cheap
    std::function<void()>
        on_removed;  ///< called when removing() may have become false; may be null
  };
  /// A job that an earlier process left, and what is to become of it.
  struct Recovered {
    Journal journal;
    JournalEntry state;
    Recovery recovery;
  };

  JobRun(asio::any_io_executor executor, gitlab_api::Client& gitlab, const StateDir& state_dir,
         Settings settings, std::function<void()> on_reported,
         std::optional<Recovered> recovered = std::nullopt);
  ~JobRun();

  /// Takes the job on, runs it, reports its end (then calls `on_reported`) and removes what it
  /// left. While the coordinator cannot be reached it goes on trying to deliver the end, until
  /// leave(). Never throws but for cancellation, which abandons the job.
  asio::awaitable<void> run();

  /// Ends the job: TERM to the stage under way, no further stage. Idempotent; the first reason
  /// counts.
  void stop(StopReason reason, std::string text);

  /// Lets go of the job as it is: run() returns soon, the containers run on, and a later process
  /// takes them over by the journal. For a job that is adoptable(), or has ended.
  void leave();
  /// Else it ends with this process, whatever becomes of the process.
  bool adoptable() const { return settings_.adoptable || state_.phase == Phase::ended; }

  const job::Job& job() const { return settings_.job; }
  /// Name of its journal; "" before run() has made one.
  const std::string& key() const { return key_; }
  const JournalEntry& state() const { return state_; }
  /// The documented tries to tell the coordinator the end were in vain; it goes on trying.
  bool undelivered() const { return undelivered_; }
  /// Why the coordinator did not take what was sent last; "" if it did.
  std::string delivery_problem() const { return sender_ ? sender_->problem() : ""; }
  /// It could not even be begun: no journal, or no log.
  bool unstarted() const { return unstarted_; }
  /// Its end is reported, but not all that it left is removed yet.
  bool removing() const { return reported_once_ && environment_ && !state_.cleaned && !left_; }
  /// Its journal could not be written.
  bool journal_failed() const { return !unsaved_.empty(); }
  /// Since the job was received, also by another process.
  std::chrono::milliseconds age() const;
  /// It had ended before this process.
  bool was_over() const { return recovery_ && recovery_->way == Recovery::Way::deliver; }
  /// Begun by a process before this one.
  bool recovered() const { return recovery_.has_value(); }

 private:
  struct PhaseTime {
    const char* name;
    std::chrono::milliseconds duration;
  };

  void open();
  job::TraceOptions trace_options() const;
  void make_sender();
  /// True if everything up to now is in the journal.
  bool save();
  std::uint64_t sendable_log();
  asio::awaitable<void> report_unstarted(std::string problem);
  asio::awaitable<void> report_until_taken(std::string problem);
  asio::awaitable<void> live();
  void fail_stopped();
  /// `unmapped`: the reason is sent as it is, whatever the coordinator knows.
  void conclude(bool unmapped);
  asio::awaitable<void> settle();
  asio::awaitable<void> deliver_until_taken();
  void reported();
  asio::awaitable<void> clean();
  asio::awaitable<void> clean_left();
  asio::awaitable<void> let_go();
  void begin();
  asio::awaitable<void> take_over();
  std::unique_ptr<executors::Executor> make_environment();
  /// Where lines go that a replay of the past must not repeat.
  executors::JobLog& say();
  void print_header();
  void resolve_job();
  void cancel_gracefully();
  asio::awaitable<void> execute();
  asio::awaitable<void> work();
  asio::awaitable<void> prepare();
  asio::awaitable<void> prepare_once();
  asio::awaitable<void> prepare_environment();
  asio::awaitable<void> run_scripts(std::exception_ptr* failure);
  void tell_settings();
  std::chrono::milliseconds stage_limit(const char* name, std::chrono::milliseconds limit) const;
  std::chrono::milliseconds prepare_time() const;
  [[noreturn]] void fail_prepare_timeout() const;
  asio::awaitable<bool> another_attempt(int attempt, int tries);
  asio::awaitable<void> run_sources(int attempt, std::chrono::milliseconds limit);
  asio::awaitable<void> get_sources();
  asio::awaitable<void> restore_cache();
  asio::awaitable<void> archive_cache(bool success);
  asio::awaitable<void> download_artifacts();
  asio::awaitable<void> upload_artifacts(bool success);
  asio::awaitable<void> run_with_coordinator(executors::Stage stage, std::string key);
  asio::awaitable<void> coordinator_answer();
  asio::awaitable<void> run_user_stages();
  asio::awaitable<void> after_script(std::exception_ptr script_failure);
  asio::awaitable<void> cleanup_files();
  asio::awaitable<void> run_stage(executors::Stage stage, std::chrono::milliseconds limit);
  /// `key`: of the outcome in the journal, where a section can come more than once.
  asio::awaitable<void> in_section(std::string name, asio::awaitable<void> body,
                                   std::string key = "");
  asio::awaitable<void> watch_deadline();
  asio::awaitable<void> force_stage_end(int number);
  asio::awaitable<void> limit_stage(std::chrono::milliseconds limit);
  void refuse_unsupported();
  void check_stopped() const;
  void finish_phase(const char* name, std::chrono::steady_clock::time_point since);
  void log_end() const;
  StageInput stage_input() const;
  /// Addresses on the cache server, from now to the job's end; null where caches are local.
  std::unique_ptr<executors::CacheObjects> cache_objects() const;
  std::chrono::milliseconds duration_setting(const std::string& name,
                                             std::chrono::milliseconds fallback,
                                             std::chrono::milliseconds at);

  asio::any_io_executor executor_;
  gitlab_api::Client& gitlab_;
  const StateDir& state_dir_;
  Settings settings_;
  std::function<void()> on_reported_;
  std::optional<Journal> journal_;
  JournalEntry state_;
  std::optional<Recovery> recovery_;  ///< unset: a new job
  std::string key_;
  std::unique_ptr<Trace> trace_;
  std::unique_ptr<TraceSender> sender_;
  std::unique_ptr<executors::Executor> environment_;
  std::chrono::steady_clock::time_point
      started_;  ///< when it was received, also by another process
  std::exception_ptr failure_;
  std::optional<JobFailure> outcome_;
  std::string unsaved_;             ///< why the journal could not be written; "" = it could
  bool replaying_ = false;          ///< what is under way is in the log already
  std::exception_ptr not_adopted_;  ///< why the containers left by another process are of no use
  bool settings_told_ = false;
  bool resuming_stage_ = false;  ///< the next stage is one that another process began
  std::uint64_t saved_log_ = 0;  ///< size of the log in the journal's last line
  bool left_ = false;
  bool unstarted_ = false;
  bool reported_once_ = false;
  util::Event reported_;
  bool undelivered_ = false;
  bool stage_running_ = false;
  bool stage_timed_out_ = false;
  int stage_number_ = 0;  ///< counts the stages, so that a late timer does not end the next one
  bool in_script_ = false;
  bool script_over_ = false;
  bool script_timed_out_ = false;
  std::string job_status_;  ///< CI_JOB_STATUS from after_script on; "" = as the executor has it
  std::chrono::milliseconds prepare_began_{0};       ///< since the job's start
  std::chrono::milliseconds prepare_limit_{0};       ///< of all tries; 0 = the job's
  std::chrono::milliseconds after_script_limit_{0};  ///< as it was when the script began
  bool sections_ = false;
  std::vector<PhaseTime> phases_;
  util::TaskGroup work_;      ///< the job's main part, cancelled to end it
  util::TaskGroup stage_;     ///< the stage under way
  util::TaskGroup timers_;    ///< its deadline and the last resort after stop()
  util::TaskGroup delivery_;  ///< of the final state, cancelled by leave()
};

}  // namespace slipway::runner
