#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "executors/docker/engine.hpp"
#include "executors/reaper.hpp"
#include "gitlab_api/client.hpp"
#include "runner/job_run.hpp"
#include "runner/poller.hpp"
#include "runner/slots.hpp"
#include "runner/state_dir.hpp"
#include "util/asio_fwd.hpp"
#include "util/condition.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

/// What a process that runs jobs is made of, as cmd found it.
struct ServiceOptions {
  config::Config config;
  std::string certs_dir;  ///< predefined TLS files
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

/// The daemon: one Poller per runner, the jobs under way, signals. The global `concurrent` holds
/// for jobs from their arrival until their end is reported; removal goes on beside the next job.
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

  /// Jobs that are not yet removed altogether.
  std::size_t active_jobs() const { return jobs_.size(); }
  const std::string& state_id() const { return state_.id(); }

  // For the pollers:

  /// True if one more job may run.
  bool has_room() const;
  /// Waits until has_room() may have become true.
  asio::awaitable<void> room_changed();
  bool draining() const { return draining_; }
  /// Takes a job over from a poller and starts it. If there is no room (two polls brought a job at
  /// once) it waits for some.
  void start_job(Poller& poller, job::Job job);
  int jobs_of(const Poller& poller) const;

 private:
  struct ActiveJob {
    const Poller* poller = nullptr;
    std::unique_ptr<JobRun> run;
    Slots::Numbers numbers;
    bool reported = false;
  };

  asio::awaitable<void> run_job(std::list<ActiveJob>::iterator active);
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> limit_shutdown();
  asio::awaitable<void> drain_reaper();
  asio::awaitable<void> watch_idle();
  JobRun::Settings job_settings(Poller& poller, job::Job job, const Slots::Numbers& numbers);
  executors::docker::Engine& engine_for(const config::Runner& runner);
  void reported(std::list<ActiveJob>::iterator active);
  void end_polling();

  asio::any_io_executor executor_;
  ServiceOptions options_;
  StateDir state_;
  executors::Reaper reaper_;
  std::map<std::string, std::unique_ptr<executors::docker::Engine>> engines_;
  Slots slots_;
  std::list<ActiveJob> jobs_;
  std::list<Poller> pollers_;
  bool draining_ = false;
  bool aborting_ = false;
  std::string abort_text_;
  std::chrono::steady_clock::time_point idle_since_ = std::chrono::steady_clock::now();
  int exit_code_ = 0;
  int jobs_taken_ = 0;
  int running_now_ = 0;  ///< started and not yet reported: at most `concurrent`
  util::Condition room_;
  util::TaskGroup running_;  ///< the jobs
  util::TaskGroup polling_;  ///< one task per runner, all cancelled by drain()
  util::TaskGroup helpers_;  ///< signals, reaper, shutdown limit
};

}  // namespace slipway::runner
