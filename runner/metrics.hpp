#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "job/job.hpp"
#include "runner/api_metrics.hpp"
#include "runner/prometheus.hpp"

namespace slipway::runner {

/// By which labels a runner's metrics are known.
struct RunnerLabels {
  std::string short_token;
  std::string name;
  std::string system_id;

  friend auto operator<=>(const RunnerLabels&, const RunnerLabels&) = default;
};

/// What is true at the moment of a look, as opposed to what Metrics counts.
struct MetricsMoment {
  struct Runner {
    RunnerLabels labels;
    int limit = 0;
    int requests = 0;            ///< for jobs, under way
    int request_limit = 1;       ///< request_concurrency
    double adaptive_limit = 1;   ///< what of it may be used
    std::uint64_t feeds = 0;     ///< requests made, since the start
    std::uint64_t exceeded = 0;  ///< times that a limit on requests held one back
    std::uint64_t refused = 0;   ///< requests that GitLab refused
  };
  struct Job {
    RunnerLabels runner;
    std::string state;           ///< pending, running, finished …
    std::string stage;           ///< prepare_script, get_sources, step_script …
    std::string executor_stage;  ///< e.g. docker_run
  };
  std::string version;
  std::string revision;
  std::string process_state;  ///< starting, running, graceful-shutdown, forceful-shutdown
  int concurrent = 0;
  std::vector<Runner> runners;
  std::vector<Job> jobs;
  std::map<std::string, std::uint64_t> log_lines;  ///< by level
  std::size_t reaper_pending = 0;
  std::uint64_t reaper_failures = 0;
  std::uint64_t reaper_removed = 0;
  std::size_t undelivered = 0;  ///< ended jobs whose final state the coordinator has not taken
  bool paused_for_disk = false;
  std::uint64_t freed_bytes = 0;  ///< by the disk collector, since the start
  struct Disk {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;
  };
  std::optional<Disk> disk;  ///< the Engine's data, where it can be looked at
};

/// Counts what happened since the start of the process. One thread; never throws but for want of
/// memory. Names are GitLab Runner's where it has the same figure, so that its dashboards work, and
/// begin with `slipway_` otherwise.
class Metrics {
 public:
  /// What became of a journal that a process before this one left.
  enum class Resumed { adopted, finished, restarted, delivered };
  enum class Ended { success, failed, canceled };

  void job_taken(const RunnerLabels& runner, const job::JobInfo& info, std::string_view executor);
  /// \param failure_reason  as on the wire; "" unless `result` is `failed`.
  void job_ended(const RunnerLabels& runner, Ended result, std::string_view failure_reason,
                 std::chrono::duration<double> took);
  void job_resumed(Resumed how) { ++resumed_[how]; }
  /// \param kind  container, volume or network, of a job that was gone.
  void orphans_found(std::string_view kind, std::uint64_t count = 1);
  void journal_failed() { ++journal_errors_; }
  void config_loaded(bool well) { ++(well ? config_loaded_ : config_unloaded_); }
  void config_saved(bool well) { ++(well ? config_saved_ : config_unsaved_); }
  void api_call(const RunnerLabels& runner, const gitlab_api::CallRecord& call) {
    api_.call(runner.short_token, runner.system_id, call);
  }

  /// The text to serve, without the process's own figures (process_stats.hpp).
  std::string exposition(const MetricsMoment& moment) const;

 private:
  void write_runners(Exposition& out, const MetricsMoment& moment) const;
  void write_queues(Exposition& out) const;
  void write_requests(Exposition& out, const MetricsMoment& moment) const;
  void write_process(Exposition& out, const MetricsMoment& moment) const;
  void write_jobs(Exposition& out) const;
  void write_recovery(Exposition& out, const MetricsMoment& moment) const;

  std::map<RunnerLabels, std::uint64_t> taken_;
  std::map<std::pair<RunnerLabels, std::string>, std::uint64_t> failed_;
  std::map<Ended, std::uint64_t> ended_;
  std::map<RunnerLabels, Histogram> durations_;
  std::map<std::pair<RunnerLabels, std::string>, Histogram> queued_;  ///< by project_jobs_running
  struct Queue {
    std::int64_t size = 0;
    std::int64_t depth = 0;
  };
  std::map<RunnerLabels, Queue> queues_;  ///< as the last job told
  std::map<std::string, std::uint64_t, std::less<>> executors_;
  ApiMetrics api_;
  std::uint64_t config_loaded_ = 1;  ///< at the start
  std::uint64_t config_unloaded_ = 0;
  std::uint64_t config_saved_ = 0;
  std::uint64_t config_unsaved_ = 0;
  std::map<Resumed, std::uint64_t> resumed_;
  std::map<std::string, std::uint64_t, std::less<>> orphans_;
  std::uint64_t journal_errors_ = 0;
};

}  // namespace slipway::runner
