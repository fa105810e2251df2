#pragma once

#include "job/settings.hpp"
#include "runner/stages.hpp"

namespace slipway::runner {

/// What the job's variables set, and which of them could not be read (`errors`).
job::Settings job_settings(const StageInput& input);

/// Parameters of get_sources, for any strategy, but for hooks and exported variables. Pure.
job::GetSourcesParameters git_parameters(const StageInput& input);

/// What is said of the executor where the configuration says nothing.
bool safe_directory(const config::Runner& runner);
bool clean_git_config(const config::Runner& runner, const std::string& strategy);

/// \throws job::Failure(runner_system_failure) for a setting that no sources can be fetched with.
void check_source_settings(const job::Settings& settings);

/// As the stages spell it: none, normal, recursive.
std::string_view name_of(job::SubmoduleStrategy strategy);

}  // namespace slipway::runner
