#pragma once

#include <chrono>
#include <functional>
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
  bool on_host = false;  ///< the job runs on the daemon's machine itself, as a user of it
};

/// One stage of a job, ready to run.
struct Stage {
  int sequence = 0;                       ///< 1, 2, 3 … within the job
  enum class Place { predefined, user };  ///< beside the job (helper) or in the job's own image
  std::string name;
  Place place = Place::user;
  std::string script;             ///< shell text; or
  std::string native_parameters;  ///< JSON of a stage that slipway-helper implements, with `native`
  bool native = false;
};

/// Stores what a later process would need if this one ended now: called before a stage begins and
/// before output is acknowledged to an agent. False: it could not be stored. Never throws.
using Checkpoint = std::function<bool()>;

/// Carries out one job in one environment. Used by one JobRun, in this order: prepare() or adopt(),
/// run() per stage, cleanup() or leave(). Must outlive its coroutines.
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
  /// What a later process needs to go on with this job, as JSON; "" before prepare() is done. Exact
  /// at any moment between two steps of coroutines, together with the state of the job's log.
  virtual std::string snapshot() const = 0;
  /// In a later process, instead of prepare(): takes the environment over. run() with the stage
  /// that was under way then continues that one; if it has ended already, it gives its end. \throws
  /// job::Failure(runner_system_failure) saying why it cannot be; cleanup() then removes
  /// everything.
  virtual asio::awaitable<void> adopt(std::string snapshot) = 0;
  /// Instead of cleanup(): lets go of everything as it is, for a later process to adopt.
  virtual asio::awaitable<void> leave() = 0;
  /// Removes everything the job left; never throws for what could not be removed (the Reaper has it
  /// then).
  virtual asio::awaitable<void> cleanup() = 0;

  virtual const JobEnvironment& environment() const = 0;
  /// Container (or process) starts so far: for the summary of a job and the bench.
  virtual int container_starts() const { return 0; }
};

}  // namespace slipway::executors
