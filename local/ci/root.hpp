#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "local/ci/context.hpp"
#include "local/ci/field.hpp"
#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// `workflow`.
struct WorkflowSpec {
  std::string name;
  std::optional<std::vector<RuleSpec>> rules;
  AutoCancel auto_cancel;
};

/// The whole configuration, included files merged, before any job is read.
struct RootSpec {
  std::vector<std::string> stages;  ///< with `.pre` and `.post`
  VariableSpecs variables;
  WorkflowSpec workflow;
  /// Values of `default` and of the older keywords at the root, by keyword.
  std::map<std::string, Field, std::less<>> defaults;
  /// The visible jobs in their order: the key, and the job's mapping with its path.
  std::vector<std::pair<yaml::Mark, Field>> jobs;
  std::vector<std::string> job_names;  ///< in the same order
};

/// Reads everything but the jobs. \throws yaml::Error.
RootSpec read_root(const yaml::NodePtr& root, Notes& notes);

/// Reads one job and what it takes over from the defaults. \throws yaml::Error.
JobSpec read_job(const RootSpec& root, std::size_t index, Notes& notes);

}  // namespace slipway::local::ci
