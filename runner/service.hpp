#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "executors/docker/engine.hpp"
#include "executors/docker/sweeper.hpp"
#include "executors/reaper.hpp"
#include "gitlab_api/client.hpp"
#include "runner/disk_watch.hpp"
#include "runner/job_run.hpp"
#include "runner/metrics.hpp"
#include "runner/metrics_server.hpp"
#include "runner/poller.hpp"
#include "runner/service_manager.hpp"
#include "runner/slots.hpp"
#include "runner/state_dir.hpp"
#include "runner/status_file.hpp"
#include "runner/token_rotation.hpp"
#include "runner/usage_store.hpp"
#include "util/asio_fwd.hpp"
#include "util/condition.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// What a process that runs jobs is made of, as cmd found it.
struct ServiceOptions {
  config::Config config;
  /// Reads the file again, for a reload; null: there is no file. \throws what keeps it from being
  /// used.
  std::function<config::Config()> load_config;
  /// Called when what load_config() gave is in force; may be null.
  std::function<void(const config::Config&)> on_loaded;
  ServiceManager manager;  ///< told of the daemon's states
  std::string certs_dir;   ///< predefined TLS files
  std::string state_dir;
  std::string system_id;
  std::string version;
  std::string revision;
  std::string helper_binary;
  std::string helper_image_archive;
  std::string helper_image_name;
  int max_builds = 0;  ///< run-single: end after that many jobs, 0 = never
  std::chrono::seconds wait_timeout{
      0};  ///< run-single: end when no job came for so long, 0 = never
};

/// The daemon: one Poller per runner, the jobs under way, those that an earlier process left,
/// signals. The limits `concurrent` and `limit` hold for jobs from their arrival until their end is
/// reported and what they left is removed: their slots have numbers below these limits.
class Service {
 public:
  Service(asio::any_io_executor executor, ServiceOptions options);
  ~Service();

  /// Runs until it is told to end; returns the process's exit code. \throws std::runtime_error when
  /// it cannot start.
  asio::awaitable<int> run();

  /// No new jobs; run() returns when the running ones have ended. SIGQUIT.
  void drain();
  /// Ends every job as interrupted; run() returns when they are reported and removed, or after
  /// shutdown_timeout with 1. SIGTERM, SIGINT.
  void abort(std::string signal);
  /// Leaves the running jobs to the next process; run() returns when that is safe. SIGTERM and
  /// SIGINT with `on_stop = "adopt"`.
  void leave(std::string signal);

  /// Reads the configuration again at the next look, whether it changed or not. SIGHUP.
  void reload_soon() { reload_asked_ = true; }

  /// Jobs that are not yet removed altogether.
  std::size_t active_jobs() const { return jobs_.size(); }
  const std::string& state_id() const { return state_.id(); }

  // For the pollers:

  /// True if one more job may run, beside those that requests under way may bring: `concurrent`
  /// allows it, and the disk of the poller's Engine.
  bool has_room(Poller& poller, int requests = 0);
  /// Waits until has_room() may have become true.
  asio::awaitable<void> room_changed();
  bool draining() const { return draining_; }
  /// Takes a job over from a poller and starts it. If there is no room (two polls brought a job at
  /// once) it waits for some.
  /// `payload`: what the job was read from, for its journal.
  void start_job(Poller& poller, job::Job job, std::string payload);
  int jobs_of(Poller& poller) const;

 private:
  struct ActiveJob {
    config::Runner runner;
    gitlab_api::Client* gitlab = nullptr;  ///< its poller's, or
    std::unique_ptr<gitlab_api::Client>
        own_gitlab;  ///< of a runner that is not configured any more
    std::unique_ptr<JobRun> run;
    Slots::Numbers numbers;
    std::int64_t since = 0;  ///< when it was received, seconds since 1970
    bool reported = false;
    bool live =
        true;  ///< its objects are in use; else they are left over, whatever their label says
    bool waits_for_room = true;
    bool waits_for_sweep = false;
  };
  struct EngineInUse {
    std::unique_ptr<executors::docker::Engine> engine;
    std::unique_ptr<executors::docker::Sweeper> sweeper;
    std::unique_ptr<DiskWatch> disk;
    bool watched = false;  ///< disk->run() is running
  };

  gitlab_api::ClientOptions client_options(const config::Runner& runner);
  void recover();
  void recover_job(Journal::Left left);
  std::set<std::string> live_jobs() const;
  asio::awaitable<void> tidy();
  asio::awaitable<void> sweep();
  JournalHeader journal_header(const config::Runner& runner, const job::Job& job,
                               std::string payload, Slots::Numbers numbers) const;
  asio::awaitable<void> run_job(std::list<ActiveJob>::iterator active);
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> watch_config();
  asio::awaitable<void> reload(bool asked);
  std::optional<config::Config> read_config(bool asked);
  void use_config(config::Config fresh);
  void add_pollers(const std::vector<config::Runner>& runners);
  void forget_retired();
  void tell_of_restarts(const config::Config& fresh) const;
  asio::awaitable<void> tell_manager();
  asio::awaitable<bool> is_well();
  std::string manager_status() const;
  asio::awaitable<void> limit_shutdown();
  asio::awaitable<void> watch_idle();
  static bool is_present(const ActiveJob& job);
  JobRun::Settings job_settings(const ActiveJob& active, job::Job job);
  /// \throws std::runtime_error: its address or TLS files are of no use.
  EngineInUse& engine_in_use(const config::Runner& runner);
  EngineInUse& make_engine(EngineInUse& in_use, const config::Docker& docker);
  bool has_engine(const config::Runner& runner);
  void make_engine_for(const config::Runner& runner, Recovery::Way way);
  /// nullptr: it could not be made.
  EngineInUse* known_engine(const config::Runner& runner);
  executors::docker::Engine& engine_for(const config::Runner& runner);
  RunnerLabels labels_of(const config::Runner& runner) const;
  void count_end(const ActiveJob& job);
  const char* process_state() const;
  Status status() const;
  std::optional<executors::docker::DiskSpace> fullest_disk() const;
  MetricsMoment moment() const;
  std::string jobs_page() const;
  MetricsServer::Pages pages();
  void reported(std::list<ActiveJob>::iterator active);
  void store_token(const config::Runner& before, const config::TokenChange& change);
  void end_polling();
  void pause_polling();

  asio::any_io_executor executor_;
  ServiceOptions options_;
  StateDir state_;
  std::int64_t started_;  ///< seconds since 1970
  UsageStore usage_;
  Metrics metrics_;
  StatusFile status_file_;
  std::optional<MetricsServer> metrics_server_;
  executors::Reaper reaper_;
  std::map<std::string, EngineInUse> engines_;
  Slots slots_;
  std::list<ActiveJob> jobs_;
  std::list<Poller> pollers_;
  std::list<Poller> retired_;  ///< of runners that changed or are gone, until their jobs have ended
  TokenRotation rotation_;
  bool draining_ = false;
  bool aborting_ = false;
  std::string abort_text_;
  std::chrono::steady_clock::time_point no_jobs_before_{};  ///< see pause_polling()
  std::chrono::steady_clock::time_point idle_since_ = std::chrono::steady_clock::now();
  int exit_code_ = 0;
  int jobs_taken_ = 0;
  int running_now_ = 0;  ///< started and not yet reported: at most `concurrent`
  bool leaving_ = false;
  bool reload_asked_ = false;
  /// Journals that this version cannot read: their jobs are somebody's.
  std::set<std::string> foreign_jobs_;
  util::Event swept_;  ///< what was left over at the start is removed, or cannot be reached
  util::Condition room_;
  util::TaskGroup running_;   ///< the jobs
  util::TaskGroup polling_;   ///< one task per runner, all cancelled by drain()
  util::TaskGroup helpers_;   ///< signals, reaper, shutdown limit
  util::TaskGroup rotating_;  ///< the rotation of tokens, begun again by a reload
};

}  // namespace slipway::runner
