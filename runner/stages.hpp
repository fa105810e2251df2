#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "executors/cache_objects.hpp"
#include "executors/executor.hpp"
#include "job/git_stage.hpp"
#include "job/job.hpp"

namespace slipway::runner {

/// What the stages of a job are made from. Pure: no I/O.
struct StageInput {
  const job::Job& job;
  const config::Runner& runner;
  const executors::JobEnvironment& environment;
  std::string user_agent;
  std::string started_at{};  ///< of the job, RFC 3339
  std::string now{};         ///< the same
  std::string job_status{};  ///< CI_JOB_STATUS of this stage; "" = as the environment has it
};

/// Parameters of get_sources, for any strategy.
job::GetSourcesParameters source_parameters(const StageInput& input);
/// The strategy is one that works on a repository.
bool has_repository(const job::GetSourcesParameters& parameters);
/// `via`: name of this machine, which is not said where the job runs on it.
executors::Stage prepare_script_stage(const StageInput& input, const std::string& via);
/// \throws job::Failure(runner_system_failure) for settings that cannot be meant.
executors::Stage get_sources_stage(const StageInput& input);
executors::Stage clear_worktree_stage(const StageInput& input);
/// nullopt if no dependency has artifacts.
std::optional<executors::Stage> download_artifacts_stage(const StageInput& input);
/// Of those whose `when` fits; nullopt if there is none with files to look for.
std::optional<executors::Stage> upload_artifacts_stage(const StageInput& input, bool success);
/// nullopt if no cache of the job has anything in it. `objects`: on a cache server, may be null.
/// \throws job::Failure(runner_system_failure) for a policy that is none; so does the next.
std::optional<executors::Stage> restore_cache_stage(const StageInput& input,
                                                    const executors::CacheObjects* objects);
/// Of those whose `when` fits; nullopt if there is none with files to look for.
std::optional<executors::Stage> archive_cache_stage(const StageInput& input, bool success,
                                                    const executors::CacheObjects* objects);
/// Every step but after_script, in the payload's order.
std::vector<executors::Stage> user_stages(const StageInput& input);
/// nullopt if the job has none.
std::optional<executors::Stage> after_script_stage(const StageInput& input);
executors::Stage cleanup_stage(const StageInput& input);

/// A flag of the feature flag table for this job.
bool feature_flag(const config::Runner& runner, const job::Variables& variables,
                  std::string_view name);

}  // namespace slipway::runner
