#pragma once

#include "local/ci/context.hpp"
#include "local/ci/matrix.hpp"
#include "local/ci/pipeline.hpp"
#include "local/ci/root.hpp"
#include "local/ci/rules.hpp"

namespace slipway::local::ci {

/// The steps from the merged tree to the pipeline, in order. One per compilation; what it refers to
/// must outlive it. Everything throws yaml::Error.
class Compiler {
 public:
  Compiler(FileSource& files, RuleJudge& judge, Notes& notes, Pipeline& pipeline)
      : files_{files}, judge_{judge}, notes_{notes}, pipeline_{pipeline} {}

  /// `tree` without includes.
  void run(const yaml::NodePtr& tree, History& history);

 private:
  bool judge_workflow(const RootSpec& root);
  void add_instances(const RootSpec& root, const std::shared_ptr<const JobSpec>& spec,
                     History& history);
  Job make_job(const std::shared_ptr<const JobSpec>& spec, const Instance& instance);
  void set_variables(Job& job, const VariableSpecs& rule_variables);
  bool decide(Job& job);
  bool decide_by_rules(Job& job, VariableSpecs& rule_variables);
  void expand_names(Job& job);
  void make_caches(Job& job, History& history);
  void finish_stages(const RootSpec& root);

  FileSource& files_;
  RuleJudge& judge_;
  Notes& notes_;
  Pipeline& pipeline_;
  job::Variables base_;  ///< predefined variables of the pipeline
  VariableSpecs root_;   ///< the configuration's, with those of a workflow rule
};

/// Laid over `base`: keys of `base` keep their places.
void override_variables(VariableSpecs& base, const VariableSpecs& over);
job::Variable to_variable(const VariableSpec& spec);

/// Whether `only` and `except` let a job in; the trace tells how each came out.
bool policy_lets_in(const JobSpec& spec, const RepositoryFacts& facts,
                    const job::Variables& variables, RuleJudge& judge,
                    std::vector<RuleTrace>& trace);

/// Resolves `needs` and `dependencies` of all jobs and checks them against each other.
void resolve_needs(Pipeline& pipeline, const RootSpec& root);

/// The keys of a job's caches as they go to the runner.
std::vector<CacheSpec> make_cache_keys(const JobSpec& spec, const RepositoryFacts& facts,
                                       FileSource& files, History& history);

}  // namespace slipway::local::ci
