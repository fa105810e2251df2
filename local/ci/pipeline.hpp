#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job/variables.hpp"
#include "local/ci/facts.hpp"
#include "local/ci/file_source.hpp"
#include "local/ci/inputs.hpp"
#include "local/ci/rules.hpp"
#include "local/ci/spec.hpp"
#include "local/yaml/mark.hpp"

namespace slipway::local::ci {

/// A job that another one waits for.
struct Need {
  std::string job;  ///< an instance's name
  bool artifacts = true;
  friend bool operator==(const Need&, const Need&) = default;
};

/// One job of a pipeline; of a parallel job, one instance.
struct Job {
  /// As the configuration has it. Shared by the instances of a parallel job, never changed.
  std::shared_ptr<const JobSpec> spec;
  std::string name;  ///< `test`, `test 1/3`, `test: [a, b]`
  int node_index = 0;
  int node_total = 1;
  /// Of its row of the matrix.
  std::vector<std::pair<std::string, std::string>> matrix;

  When when = When::on_success;
  std::string start_in;
  AllowFailure allow_failure;
  bool interruptible = false;
  /// What the configuration sets for it, in order of precedence: root, workflow, job, matrix, rule.
  VariableSpecs variables;
  /// All that the job gets, predefined ones and the user's included, not expanded.
  job::Variables all_variables;

  /// Absent where the keyword is: the job waits for the stages before its own.
  std::optional<std::vector<Need>> needs;
  /// The jobs whose artifacts it gets.
  std::vector<std::string> artifacts_from;

  /// Expanded names, where the keywords are there.
  std::string environment;
  std::string resource_group;
  std::vector<std::string> tags;
  std::vector<CacheSpec> caches;  ///< keys made, suffixes included

  /// Why it is in the pipeline, or is not.
  std::vector<RuleTrace> rules;
  std::string reason;
};

/// A keyword that keeps a job of this pipeline from being run here.
struct JobRefusal {
  std::string job;
  Refusal refusal;
};

/// A compiled pipeline. Plain data.
struct Pipeline {
  std::string name;                 ///< `workflow:name`, expanded
  std::vector<std::string> stages;  ///< those that have jobs, in order
  std::vector<Job> jobs;            ///< in stage order
  std::vector<Job> left_out;        ///< by their rules, `only` or `except`
  std::vector<JobRefusal> refusals;
  AutoCancel auto_cancel;

  bool runs = true;                 ///< false: GitLab would not make it
  std::string why_not;              ///< then
  std::vector<RuleTrace> workflow;  ///< how its rules came out
  RepositoryFacts facts;
  job::Variables user_variables;

  yaml::NodePtr merged;  ///< for the preview: includes, extends and references resolved
  yaml::Sources sources;
  std::vector<yaml::Warning> warnings;

  const Job* find(std::string_view name) const;
};

struct CompileOptions {
  RepositoryFacts facts;
  /// The user's own variables, which win over all of the configuration's.
  job::Variables user_variables;
  /// For `spec:inputs` of the first file.
  InputValues inputs;
};

/// Compiles the repository's configuration. Pure but for `files` and `history`.
/// \throws ConfigError.
Pipeline compile(FileSource& files, History& history, const CompileOptions& options);

/// Compiles the child pipeline that a job with `trigger` starts. \throws ConfigError.
Pipeline compile_child(FileSource& files, History& history, const Pipeline& parent, const Job& job,
                       std::int64_t pipeline_id);

/// \throws ConfigError for the first refusal of one of these jobs (all of them, if there are none).
void require_runnable(const Pipeline& pipeline, const std::vector<std::string>& jobs = {});

}  // namespace slipway::local::ci
