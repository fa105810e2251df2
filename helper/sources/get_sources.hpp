#pragma once

#include "job/git_stage.hpp"

namespace slipway::helper {

/// Native stage `get_sources`: brings the project directory to the job's commit with `git` from
/// PATH, whose output is inherited. Returns 0, or the exit code of the git or hook process that
/// failed. Everything below project_dir and temp_dir counts as written by a hostile earlier job.
/// Credentials are written to `<temp_dir>/.gitlab-runner.ext.conf` only: they stand on no command
/// line and not in `.git`. Blocks; the stage's limit ends it from outside. \throws StageFailure,
/// std::system_error.
int get_sources(const job::GetSourcesParameters& parameters);

}  // namespace slipway::helper
