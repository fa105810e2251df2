#pragma once

#include <string>
#include <vector>

#include "config/paths.hpp"

namespace slipway::cmd {

/// What one command line of `exec` says.
struct ExecOptions {
  std::string state_dir;  ///< of all that exec keeps
  std::string certs_dir;

  std::string directory = ".";
  std::string file = ".gitlab-ci.yml";  ///< from the repository's root
  bool committed = false;
  std::vector<std::string> variables;         ///< `NAME=value`
  std::vector<std::string> masked_variables;  ///< likewise
  std::vector<std::string> variable_files;
  std::vector<std::string> inputs;  ///< `name=value`, the value in YAML
  std::string template_dir;

  // What is shown instead of running.
  bool list = false;
  bool json = false;
  bool graph = false;
  bool dot = false;
  bool preview = false;
  std::string explain;

  // What is run.
  std::vector<std::string> jobs;
  bool needs = false;
  std::string from_stage;
  std::vector<std::string> manual;  ///< jobs to start without being asked; `all`
  bool no_delay = false;

  // How.
  int concurrency = 0;  ///< 0: as many as there are processors, at least 2
  std::string image = "ruby:3.1";
  std::vector<std::string> pull_policy;
  std::vector<std::string> volumes;
  bool unprivileged = false;
  bool watch = false;

  // What is left behind and said.
  std::string artifacts_to;
  std::string report_json;
  std::string report_junit;
  bool plain = false;  ///< lines even on a terminal
};

/// The whole command. Returns the exit code: 0 the pipeline succeeded (or what was asked for is
/// shown), 1 it failed or cannot be made, 130 it was interrupted. \throws Fatal, UsageError.
int exec_pipeline(const ExecOptions& options);

}  // namespace slipway::cmd
