#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "executors/job_log.hpp"
#include "job/job.hpp"
#include "job/variables.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors {

/// What a job's stages need to know of the place they run in.
struct JobEnvironment {
  job::Variables variables;  ///< the resolved list, expanded
  std::string builds_dir;
  std::string project_dir;
  std::string temp_dir;
  std::string cache_dir;
  std::string hostname;  ///< for `Running on <hostname> via …`
  bool shared = false;   ///< the builds directory is shared with other jobs
};

/// One stage of a job, ready to run.
struct Stage {
  enum class Place { predefined, user };  ///< beside the job (helper) or in the job's own image
  std::string name;
  Place place = Place::user;
  std::string script;             ///< shell text; or
  std::string native_parameters;  ///< JSON of a stage that slipway-helper implements, with `native`
  bool native = false;
};

/// Carries out one job in one environment. Used by one JobRun, in this order: prepare(), run() per
/// stage, cleanup(). Must outlive its coroutines.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Brings the environment up. \throws job::Failure, docker_api::EngineError, net::Error.
  /// Cancellation: any kind; cleanup() removes what was made.
  virtual asio::awaitable<void> prepare() = 0;
  /// Runs a stage to its end; its output goes to the job's log. \throws
  /// job::Failure(script_failure) with the exit code. Cancellation: any kind; the stage goes on
  /// until cleanup().
  virtual asio::awaitable<void> run(Stage stage) = 0;
  /// Asks the stage under way to end: TERM to all its processes, KILL after 10 s. run() then
  /// returns its end as usual.
  virtual void stop_stage() = 0;
  /// Removes everything the job left; never throws for what could not be removed (the Reaper has it
  /// then).
  virtual asio::awaitable<void> cleanup() = 0;

  virtual const JobEnvironment& environment() const = 0;
  /// Container (or process) starts so far: for the summary of a job and the bench.
  virtual int container_starts() const { return 0; }
};

}  // namespace slipway::executors
