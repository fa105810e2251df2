#pragma once

#include <CLI/App.hpp>
#include <string>
#include <utility>
#include <vector>

#include "config/entry.hpp"
#include "config/schema.hpp"

/// The flags that set keys of a `[[runners]]` block, shared by `register` and `run-single`. They
/// follow from the schema: key `a_b` is `--a-b` and `RUNNER_A_B`, in `[runners.docker]`
/// `--docker-a-b` and `DOCKER_A_B`; what deviates stands in one table.
namespace slipway::cmd {

struct RunnerFlag {
  std::string key;   ///< path below `runners`: `docker.image`
  std::string flag;  ///< without dashes
  std::string env;   ///< "" = none
  config::Kind kind = config::Kind::string;
};

/// All of them, in the order of the schema.
std::vector<RunnerFlag> runner_flags();

/// Their values on one command line.
class RunnerFlags {
 public:
  /// Adds the flags. `command` must outlive this.
  void add_to(CLI::App& command);
  /// Sets the keys whose flag or environment variable is there. Call it after parsing.
  /// \throws UsageError for a value that does not fit.
  void store(config::RunnerEntry& entry) const;
  /// The environment variables that were taken, for the log.
  std::vector<std::string> taken_from_environment() const;

 private:
  std::vector<std::pair<RunnerFlag, const CLI::Option*>> options_;
};

/// The value that the texts given for `flag` make. \throws UsageError.
config::Value flag_value(const RunnerFlag& flag, const std::vector<std::string>& texts);

}  // namespace slipway::cmd
