#pragma once

#include <sys/types.h>

#include <string>

#include "agent/daemon_end.hpp"
#include "helper/agent/fd.hpp"

namespace slipway::helper {

/// A stage's first process, just started, and our ends of its standard streams (non-blocking).
struct StageProcess {
  pid_t pid = 0;  ///< also the number of its session and process group
  Fd in, out, err;
};

/// Why a stage could not be started.
struct StageStartError {
  int code;          ///< what a shell would have given: 1, 126 or 127
  std::string text;  ///< for the job's log
};

/// Starts the stage: a script's shell, or this program again for a native stage.
/// `dies_with_us`: its first process is killed when this one is. Throws StageStartError,
/// std::system_error without file descriptors.
StageProcess start_stage(const agent::Stage& stage, bool dies_with_us = false);

}  // namespace slipway::helper
