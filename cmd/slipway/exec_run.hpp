#pragma once

#include "cmd/slipway/exec_options.hpp"

namespace slipway::cmd {

/// Runs the pipeline, or the jobs that are named. Returns the exit code, as exec_pipeline().
/// \throws Fatal, local::ci::ConfigError.
int run_pipeline(const ExecOptions& options);

}  // namespace slipway::cmd
