#pragma once

#include <string>

#include "config/paths.hpp"

namespace slipway::cmd {

/// The flags of `run`.
struct RunOptions {
  config::Identity identity;
  config::Paths paths;            ///< the defaults for that identity
  std::string config_path;        ///< never ""; relative to working_directory where that is given
  std::string listen_address;     ///< "" = what the file says
  std::string service;            ///< name in syslog
  std::string working_directory;  ///< "" = stay; entered before the file is read
  std::string user;               ///< of shell jobs; "" = this process's
  bool syslog = false;
};

/// Serves the runners of the file until a signal ends it. Returns the exit code.
int run_service(const RunOptions& options);

}  // namespace slipway::cmd
