#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "executors/shell/account.hpp"

namespace slipway::executors::shell {

/// A program to be started as the user of a job.
struct SpawnRequest {
  std::vector<std::string> arguments;    ///< [0] is the path
  std::vector<std::string> environment;  ///< all of it
  std::optional<Account> become;         ///< only root can; unset: as this process
  std::string working_dir;               ///< where the user may not go there: its home, else `/`
};

/// A started program in a session of its own, with our ends of its standard streams: close-on-exec,
/// non-blocking. What it writes to stderr comes out of `out` too. They are the caller's to close,
/// the process its to wait for.
struct Spawned {
  pid_t pid = -1;
  int in = -1;
  int out = -1;
};

/// Forks and waits for the exec. Signals have their default handling, no other descriptor stays
/// open. \throws std::runtime_error saying which step failed, and why.
Spawned spawn(const SpawnRequest& request);

}  // namespace slipway::executors::shell
