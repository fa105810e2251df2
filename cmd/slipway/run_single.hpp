#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"
#include "config/paths.hpp"

namespace slipway::cmd {

/// The flags of `run-single`.
struct RunSingleOptions {
  config::Identity identity;
  config::Paths paths;
  config::Runner runner;  ///< complete: url, token and a supported executor
  std::string
      config_path;     ///< where `runner` comes from; "" = from flags: the system id is not stored
  int max_builds = 0;  ///< jobs until the end, 0 = no limit
  std::chrono::seconds wait_timeout{0};  ///< without a job until the end, 0 = for ever
  std::chrono::seconds shutdown_timeout{30};
};

/// Runs the jobs of one runner, one at a time. Returns the exit code.
int run_single_service(const RunSingleOptions& options);

}  // namespace slipway::cmd
