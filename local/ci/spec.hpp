#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "local/ci/expression.hpp"
#include "local/ci/file_source.hpp"
#include "local/yaml/node.hpp"

// A job as it stands in the configuration, every keyword checked. Plain data; GitLab's words.
namespace slipway::local::ci {

enum class When { on_success, on_failure, always, manual, delayed, never };
std::string_view name_of(When when);
std::optional<When> when_from(std::string_view name);

/// A variable of the configuration.
struct VariableSpec {
  std::string key;
  std::string value;
  bool expand = true;
  std::string description;           ///< of the root's variables
  std::vector<std::string> options;  ///< likewise
  yaml::Mark mark;
};
/// In order; a key stands once.
using VariableSpecs = std::vector<VariableSpec>;

/// `image` or an entry of `services`.
struct ImageSpec {
  std::string name;
  std::string alias;
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> command;
  std::vector<std::string> pull_policy;
  std::string docker_platform;
  std::string docker_user;
  std::string kubernetes_user;
  VariableSpecs variables;
};

struct CacheSpec {
  std::string key;                         ///< empty: `default`, or made of the files below
  std::vector<std::string> files;          ///< key from their content
  std::vector<std::string> files_commits;  ///< key from the commits that changed them last
  std::optional<std::string> prefix;
  std::vector<std::string> paths;
  std::vector<std::string> fallback_keys;
  std::string policy = "pull-push";
  std::string when = "on_success";
  bool untracked = false;
  bool unprotect = false;
};

struct ReportSpec {
  std::string type;
  std::vector<std::string> paths;
};

struct ArtifactsSpec {
  std::string name;
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  std::string when;  ///< empty: not given
  std::string expire_in;
  std::string expose_as;
  std::string access;
  bool untracked = false;
  std::vector<ReportSpec> reports;
};

struct AllowFailure {
  bool always = false;
  std::vector<int> exit_codes;  ///< only these are allowed, if there are any
  friend bool operator==(const AllowFailure&, const AllowFailure&) = default;
};

/// One row of `parallel:matrix`: each variable's values.
using MatrixRow = std::vector<std::pair<std::string, std::vector<std::string>>>;

struct NeedSpec {
  std::string job;
  bool artifacts = true;
  bool optional = false;
  std::vector<MatrixRow> matrix;  ///< only these instances of a parallel job
  yaml::Mark mark;
};

struct IfClause {
  std::string text;
  /// Shared with the copies of the rule, never changed.
  std::shared_ptr<const Expression> expression;
};

struct ChangesClause {
  std::vector<std::string> paths;
  std::string regexp;
  std::optional<std::string> compare_to;
  yaml::Mark mark;
};

struct ExistsClause {
  std::vector<std::string> paths;
  std::string regexp;
  std::string project;
  std::string ref;
  Origin origin;  ///< of the file in which the clause stands (includes only)
  yaml::Mark mark;
};

struct AutoCancel {
  std::string on_new_commit;   ///< empty: not given
  std::string on_job_failure;  ///< likewise
};

/// One rule of a job, of `workflow` or of an include.
struct RuleSpec {
  std::optional<IfClause> condition;
  std::optional<ChangesClause> changes;
  std::optional<ExistsClause> exists;
  std::optional<When> when;
  std::string start_in;
  std::optional<AllowFailure> allow_failure;
  VariableSpecs variables;
  std::optional<std::vector<NeedSpec>> needs;
  std::optional<bool> interruptible;
  AutoCancel auto_cancel;  ///< workflow only
  yaml::Mark mark;
};

/// `only` or `except`.
struct PolicySpec {
  std::vector<std::string> refs;
  bool has_refs = false;
  bool kubernetes = false;
  std::vector<IfClause> variables;
  std::optional<ChangesClause> changes;
  yaml::Mark mark;
};

struct RetrySpec {
  int max = 0;
  std::vector<std::string> when;  ///< empty: always
  std::vector<int> exit_codes;
};

struct EnvironmentSpec {
  std::string name;
  std::string url;
  std::string on_stop;
  std::string action = "start";
  std::string auto_stop_in;
  std::string deployment_tier;
};

/// `inherit`: what a job takes over; absent: everything.
struct InheritSpec {
  bool all_defaults = true;
  std::vector<std::string> defaults;  ///< these only, if not all
  bool all_variables = true;
  std::vector<std::string> variables;
};

/// An `include` of a child pipeline: the entry itself, read when the child is compiled.
struct TriggerSpec {
  yaml::NodePtr include;
  std::string strategy;  ///< empty, `depend` or `mirror`
  bool forward_yaml_variables = true;
  bool forward_pipeline_variables = false;
  yaml::NodePtr inputs;  ///< may be null
  yaml::Mark mark;
};

struct ParallelSpec {
  int total = 0;  ///< `parallel: N`; 0 for a matrix
  std::vector<MatrixRow> matrix;
};

/// A keyword that exists in GitLab but cannot be had locally.
struct Refusal {
  std::string keyword;  ///< with its path in the job, `needs:project`
  std::string why;
  yaml::Mark mark;
};

struct JobSpec {
  std::string name;
  yaml::Mark mark;  ///< of the name
  std::string stage = "test";
  yaml::Mark stage_mark;
  std::vector<std::string> script;  ///< before_script and script
  std::vector<std::string> after_script;
  std::vector<std::string> pre_get_sources_script;
  yaml::NodePtr run;     ///< may be null
  yaml::NodePtr inputs;  ///< `inputs` with their types and defaults; may be null
  std::optional<ImageSpec> image;
  std::vector<ImageSpec> services;
  std::vector<CacheSpec> caches;
  std::optional<ArtifactsSpec> artifacts;
  VariableSpecs variables;
  std::optional<std::vector<RuleSpec>> rules;
  std::optional<PolicySpec> only;
  std::optional<PolicySpec> except;
  std::optional<std::vector<NeedSpec>> needs;
  yaml::Mark needs_mark;
  std::optional<std::vector<std::string>> dependencies;
  yaml::Mark dependencies_mark;
  When when = When::on_success;
  std::string start_in;
  std::string manual_confirmation;
  std::optional<AllowFailure> allow_failure;
  std::vector<std::string> tags;
  std::optional<RetrySpec> retry;
  std::string timeout;
  std::string coverage;  ///< with its slashes
  std::string resource_group;
  std::optional<bool> interruptible;
  std::optional<EnvironmentSpec> environment;
  std::optional<ParallelSpec> parallel;
  std::optional<TriggerSpec> trigger;
  InheritSpec inherit;
  std::vector<Refusal> refusals;
};

}  // namespace slipway::local::ci
