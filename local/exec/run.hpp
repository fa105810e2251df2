#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "local/ci/pipeline.hpp"
#include "local/coordinator.hpp"
#include "local/exec/observer.hpp"
#include "local/exec/results.hpp"
#include "local/exec/schedule.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::local::exec {

/// What a run needs of its surroundings.
struct RunSettings {
  std::filesystem::path directory;  ///< for logs and artifacts, a directory per job
  std::vector<std::string> manual;  ///< jobs that start by themselves; `all`
  std::vector<std::string> named;   ///< jobs that run whatever their `when` says
  bool no_delay = false;
  /// The number of a child pipeline; its snapshot is published under it.
  std::function<std::int64_t(const ci::RepositoryFacts& parent)> new_pipeline;
  /// Compiles the pipeline of a trigger job. \throws ci::ConfigError.
  std::function<ci::Pipeline(const ci::Pipeline& parent, const ci::Job& job, std::int64_t id)>
      compile_child;
};

/// Runs a pipeline: queues its jobs at the coordinator when their turn has come, hands on artifacts
/// and dotenv variables, starts child pipelines. Who takes the jobs is not its business. Runs on
/// the executor's single thread; await run() once.
class PipelineRun {
 public:
  /// All of them must outlive it.
  PipelineRun(asio::any_io_executor executor, Coordinator& coordinator, RunObserver& observer,
              RunSettings settings);
  PipelineRun(const PipelineRun&) = delete;

  /// Returns when nothing runs and nothing will. \param chosen  indices into pipeline.jobs.
  /// Cancellation: do not; use cancel().
  asio::awaitable<PipelineResult> run(const ci::Pipeline& pipeline,
                                      const std::vector<std::size_t>& chosen);

  /// Nothing more starts; what is queued is taken back. Jobs that a runner has are the runner's to
  /// end, and run() waits for that.
  void cancel();
  /// The same, and jobs that a runner has count as canceled: it is gone.
  void abandon();

  /// The newest archive of a job, for `trigger:include:artifact`; empty if there is none.
  std::filesystem::path archive_of(const std::string& job) const;

 private:
  /// A pipeline under way: the one that was asked for, or a child.
  struct Level {
    Level(asio::any_io_executor executor, const ci::Pipeline& compiled, std::string parent,
          std::vector<ScheduledJob> planned);
    const ci::Pipeline& pipeline;
    std::string trigger;  ///< names of the trigger jobs that lead here
    Schedule schedule;
    std::vector<const ci::Job*> jobs;
    std::vector<std::size_t> numbers;    ///< of its jobs among results_
    std::vector<std::int64_t> ids;       ///< at the coordinator, of the last attempt; 0 = none
    std::vector<job::Variables> dotenv;  ///< what each job's report said
    util::Event changed;
    util::TaskGroup tasks;
  };

  Level& add_level(const ci::Pipeline& pipeline, const std::vector<std::size_t>* chosen,
                   std::string trigger);
  asio::awaitable<void> run_level(Level& level);
  asio::awaitable<void> run_job(Level& level, std::size_t job);
  asio::awaitable<void> run_trigger(Level& level, std::size_t job);
  asio::awaitable<JobEnd> run_child(Level& level, std::size_t job, bool depend);
  asio::awaitable<void> run_loose(Level& child);
  ci::Job job_with_dotenv(Level& level, std::size_t job);
  nlohmann::json payload_of(Level& level, std::size_t job);
  void collect(Level& level, std::size_t job, const JobRecord& record);
  void conclude(Level& level, std::size_t job, const JobEnd& end);
  void cancel_level(Level& level, bool graceful);
  void show(Level& level, std::size_t job);
  JobResult& result(Level& level, std::size_t job) { return results_[level.numbers[job]]; }
  void keep_log(std::int64_t id, std::string_view bytes);

  asio::any_io_executor executor_;
  Coordinator& coordinator_;
  RunObserver& observer_;
  RunSettings settings_;
  std::list<ci::Pipeline> children_;  ///< compiled, in the order in which they were
  std::list<Level> levels_;
  std::deque<JobResult> results_;
  std::map<std::int64_t, std::size_t> by_id_;              ///< coordinator's id → number
  std::map<std::string, std::filesystem::path> archives_;  ///< by job
  util::TaskGroup loose_;  ///< children that their trigger jobs do not wait for
  bool canceled_ = false;
};

/// What `coverage: /regex/` finds in a log: the number in its last match; empty if there is none.
std::string find_coverage(const std::string& log, const std::string& pattern);

}  // namespace slipway::local::exec
