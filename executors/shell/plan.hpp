#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "executors/executor.hpp"
#include "executors/job_plan.hpp"
#include "job/job.hpp"

namespace slipway::executors::shell {

/// What the planner needs beside job and configuration.
struct PlanContext : RunContext {
  std::string working_dir;  ///< of the daemon: absolute
  std::string hostname;     ///< of this machine
  std::string user;         ///< that jobs run as, "" = the daemon's own
};

/// A job, ready to be carried out on this machine: data only, no I/O was done for it.
struct Plan {
  JobEnvironment environment;
  std::vector<std::string> warnings;        ///< for the job's log, before anything else
  std::string shell;                        ///< name of the shell: bash, sh
  bool shell_chosen = false;                ///< by the configuration: no other will do
  std::string user;                         ///< "" = the daemon's own
  std::string working_dir;                  ///< where stages begin, if the user may go there
  std::vector<std::string> file_variables;  ///< names of the files that the job has in temp_dir
};

/// Makes the plan. \throws job::Failure (runner_configuration_error) with the documented texts.
Plan make_plan(const job::Job& job, const config::Runner& runner, const PlanContext& context);

/// Parameters of the native stage that removes the job's files but for its project directory.
std::string cleanup_parameters(const Plan& plan);

/// How a stage's end is told: `exit status 3`, or as Go names a signal: `signal: killed`.
std::string exit_text(int exit_code, int signal);

}  // namespace slipway::executors::shell
