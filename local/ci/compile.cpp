#include <algorithm>
#include <stdexcept>

#include "local/ci/compiler.hpp"
#include "local/ci/error.hpp"
#include "local/ci/include.hpp"
#include "local/ci/merge.hpp"
#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_jobs = 10'000;

std::string expanded(const std::string& text, const job::Variables& variables) {
  return expand_references(text, ListLookup{variables}, Undefined::remove);
}

bool inherits(const InheritSpec& inherit, const std::string& key) {
  return inherit.all_variables || std::find(inherit.variables.begin(), inherit.variables.end(),
                                            key) != inherit.variables.end();
}

}  // namespace

void override_variables(VariableSpecs& base, const VariableSpecs& over) {
  for (const auto& variable : over) {
    const auto found = std::find_if(
        base.begin(), base.end(), [&](const VariableSpec& one) { return one.key == variable.key; });
    if (found == base.end()) {
      base.push_back(variable);
    } else {
      *found = variable;
    }
  }
}

job::Variable to_variable(const VariableSpec& spec) {
  job::Variable variable;
  variable.key = spec.key;
  variable.value = spec.value;
  variable.is_public = true;
  variable.raw = !spec.expand;
  return variable;
}

bool Compiler::judge_workflow(const RootSpec& root) {
  auto variables = base_;
  for (const auto& variable : root_) variables.add(to_variable(variable));
  variables.append(pipeline_.user_variables);
  pipeline_.auto_cancel = root.workflow.auto_cancel;
  if (root.workflow.rules) {
    const auto met = judge_.first_met(*root.workflow.rules, variables, pipeline_.workflow);
    if (!met) {
      pipeline_.why_not = "no rule of workflow is met";
      return false;
    }
    const auto& rule = (*root.workflow.rules)[*met];
    if (rule.when == When::never) {
      pipeline_.why_not = "rule " + std::to_string(*met + 1) + " of workflow says never";
      return false;
    }
    override_variables(root_, rule.variables);
    for (const auto& variable : rule.variables) variables.add(to_variable(variable));
    variables.append(pipeline_.user_variables);
    if (!rule.auto_cancel.on_job_failure.empty())
      pipeline_.auto_cancel.on_job_failure = rule.auto_cancel.on_job_failure;
    if (!rule.auto_cancel.on_new_commit.empty())
      pipeline_.auto_cancel.on_new_commit = rule.auto_cancel.on_new_commit;
  }
  pipeline_.name = expanded(root.workflow.name, expand_all(variables));
  return true;
}

void Compiler::set_variables(Job& job, const VariableSpecs& rule_variables) {
  const auto& spec = *job.spec;
  job.variables.clear();
  for (const auto& variable : root_)
    if (inherits(spec.inherit, variable.key)) job.variables.push_back(variable);
  override_variables(job.variables, spec.variables);
  for (const auto& [key, value] : job.matrix) {
    VariableSpec variable;
    variable.key = key;
    variable.value = value;
    variable.mark = spec.mark;
    override_variables(job.variables, {variable});
  }
  override_variables(job.variables, rule_variables);

  JobFacts facts;
  facts.name = job.name;
  facts.group_name = spec.name;
  facts.stage = spec.stage;
  facts.manual = job.when == When::manual;
  facts.node_index = job.node_index;
  facts.node_total = job.node_total;
  facts.tags = job.tags;
  job.all_variables = base_;
  job.all_variables.append(job_variables(pipeline_.facts, facts));
  for (const auto& variable : job.variables) job.all_variables.add(to_variable(variable));
  job.all_variables.append(pipeline_.user_variables);
}

Job Compiler::make_job(const std::shared_ptr<const JobSpec>& spec, const Instance& instance) {
  Job job;
  job.spec = spec;
  job.name = instance.name;
  job.node_index = instance.index;
  job.node_total = instance.total;
  job.matrix = instance.variables;
  job.when = spec->when;
  job.start_in = spec->start_in;
  job.interruptible = spec->interruptible.value_or(false);
  job.tags = spec->tags;
  // A manual job does not block the pipeline unless it says so; one that its rules make manual
  // does.
  job.allow_failure = spec->allow_failure.value_or(AllowFailure{spec->when == When::manual, {}});
  return job;
}

bool Compiler::decide_by_rules(Job& job, VariableSpecs& rule_variables) {
  const auto& rules = *job.spec->rules;
  const auto met = judge_.first_met(rules, job.all_variables, job.rules);
  if (!met) {
    job.reason = rules.empty() ? "its list of rules is empty" : "none of its rules is met";
    return false;
  }
  const auto& rule = rules[*met];
  const auto number = std::to_string(*met + 1);
  job.when = rule.when.value_or(job.spec->when);
  if (job.when == When::never) {
    job.reason = "rule " + number + " says never";
    return false;
  }
  if (!rule.start_in.empty()) job.start_in = rule.start_in;
  if (rule.allow_failure) job.allow_failure = *rule.allow_failure;
  if (rule.interruptible) job.interruptible = *rule.interruptible;
  rule_variables = rule.variables;
  job.reason = "rule " + number + " is met";
  return true;
}

bool Compiler::decide(Job& job) {
  set_variables(job, {});
  VariableSpecs rule_variables;
  bool in = false;
  if (job.spec->rules) {
    in = decide_by_rules(job, rule_variables);
  } else {
    in = policy_lets_in(*job.spec, pipeline_.facts, job.all_variables, judge_, job.rules);
    job.reason = in ? "only and except let it in" : "only or except keep it out";
    if (in && !job.spec->only && !job.spec->except) job.reason = "it has no rules";
    if (in && job.when == When::never) {
      in = false;
      job.reason = "it says when: never";
    }
  }
  // Rules may have made it manual, which is a variable as well.
  if (in && (!rule_variables.empty() || job.when != job.spec->when))
    set_variables(job, rule_variables);
  return in;
}

void Compiler::expand_names(Job& job) {
  const bool plain = job.spec->resource_group.empty() && !job.spec->environment &&
                     std::none_of(job.tags.begin(), job.tags.end(), [](const auto& tag) {
                       return tag.find_first_of("$%") != std::string::npos;
                     });
  if (plain) return;
  const auto all = expand_all(job.all_variables);
  job.resource_group = expanded(job.spec->resource_group, all);
  for (auto& tag : job.tags) tag = expanded(tag, all);
  if (!job.spec->environment) return;
  const auto& environment = *job.spec->environment;
  job.environment = expanded(environment.name, all);
  const auto add = [&job](const char* key, std::string value) {
    job::Variable variable;
    variable.key = key;
    variable.value = std::move(value);
    variable.is_public = true;
    job.all_variables.add(std::move(variable));
  };
  add("CI_ENVIRONMENT_NAME", job.environment);
  add("CI_ENVIRONMENT_SLUG", environment_slug(job.environment));
  add("CI_ENVIRONMENT_ACTION", environment.action);
  if (!environment.deployment_tier.empty())
    add("CI_ENVIRONMENT_TIER", expanded(environment.deployment_tier, all));
  if (!environment.url.empty()) add("CI_ENVIRONMENT_URL", environment.url);
}

void Compiler::add_instances(const RootSpec&, const std::shared_ptr<const JobSpec>& spec,
                             History& history) {
  for (const auto& instance : instances_of(*spec)) {
    auto job = make_job(spec, instance);
    try {
      if (!decide(job)) {
        pipeline_.left_out.push_back(std::move(job));
        continue;
      }
      expand_names(job);
    } catch (const std::length_error& error) {
      throw yaml::Error{spec->mark, "jobs:" + spec->name + ": " + error.what()};
    }
    job.caches = make_cache_keys(*spec, pipeline_.facts, files_, history);
    for (const auto& refusal : spec->refusals) pipeline_.refusals.push_back({job.name, refusal});
    pipeline_.jobs.push_back(std::move(job));
    if (pipeline_.jobs.size() > max_jobs)
      throw yaml::Error{spec->mark, "jobs: the pipeline would have more than 10,000 jobs"};
  }
}

void Compiler::finish_stages(const RootSpec& root) {
  const auto position = [&root](const Job& job) {
    return std::find(root.stages.begin(), root.stages.end(), job.spec->stage);
  };
  std::stable_sort(pipeline_.jobs.begin(), pipeline_.jobs.end(),
                   [&](const Job& a, const Job& b) { return position(a) < position(b); });
  bool ordinary = false;
  for (const auto& job : pipeline_.jobs) {
    const auto& stage = job.spec->stage;
    if (pipeline_.stages.empty() || pipeline_.stages.back() != stage)
      pipeline_.stages.push_back(stage);
    ordinary |= stage != ".pre" && stage != ".post";
  }
  if (ordinary) return;
  pipeline_.runs = false;
  pipeline_.why_not = pipeline_.jobs.empty()
                          ? "no job is in the pipeline"
                          : "all jobs are in the stages .pre and .post, which is not enough";
}

void Compiler::run(const yaml::NodePtr& tree, History& history) {
  pipeline_.merged = resolve_references(resolve_extends(tree));
  const auto root = read_root(pipeline_.merged, notes_);
  std::vector<std::shared_ptr<const JobSpec>> specs;
  for (std::size_t at = 0; at < root.jobs.size(); ++at)
    specs.push_back(std::make_shared<const JobSpec>(read_job(root, at, notes_)));
  base_ = pipeline_variables(pipeline_.facts);
  root_ = root.variables;
  pipeline_.runs = judge_workflow(root);
  if (!pipeline_.name.empty()) {
    job::Variable name;
    name.key = "CI_PIPELINE_NAME";
    name.value = pipeline_.name;
    name.is_public = true;
    base_.add(std::move(name));
  }
  if (!pipeline_.runs) return;
  for (const auto& spec : specs) add_instances(root, spec, history);
  finish_stages(root);
  resolve_needs(pipeline_, root);
}

const Job* Pipeline::find(std::string_view name) const {
  const auto found =
      std::find_if(jobs.begin(), jobs.end(), [name](const Job& job) { return job.name == name; });
  return found == jobs.end() ? nullptr : &*found;
}

namespace {

/// `load` gives the tree, whose errors get their file names here.
template <class Load>
Pipeline compile_tree(FileSource& files, History& history, Pipeline pipeline, Load load) {
  Notes notes;
  notes.sources = std::move(pipeline.sources);
  try {
    RuleJudge judge{files, history};
    auto variables = pipeline_variables(pipeline.facts);
    variables.append(pipeline.user_variables);
    Includer includer{files, judge, variables, notes};
    const auto tree = load(includer);
    Compiler{files, judge, notes, pipeline}.run(tree, history);
  } catch (const yaml::Error& error) {
    throw ConfigError{notes.sources, error.mark(), error.what()};
  } catch (const std::length_error& error) {
    throw ConfigError{notes.sources, {}, error.what()};
  }
  pipeline.sources = std::move(notes.sources);
  pipeline.warnings = std::move(notes.warnings);
  return pipeline;
}

}  // namespace

Pipeline compile(FileSource& files, History& history, const CompileOptions& options) {
  Pipeline pipeline;
  pipeline.facts = options.facts;
  pipeline.user_variables = options.user_variables;
  return compile_tree(files, history, std::move(pipeline), [&](Includer& includer) {
    return includer.load_root(options.facts.config_path, options.inputs);
  });
}

Pipeline compile_child(FileSource& files, History& history, const Pipeline& parent, const Job& job,
                       std::int64_t pipeline_id) {
  const auto& trigger = job.spec->trigger.value();
  Pipeline pipeline;
  pipeline.facts = parent.facts;
  pipeline.facts.source = "parent_pipeline";
  pipeline.facts.pipeline_id = pipeline_id;
  pipeline.sources = parent.sources;
  if (trigger.forward_pipeline_variables) pipeline.user_variables = parent.user_variables;
  if (trigger.forward_yaml_variables) {
    const auto all = expand_all(job.all_variables);
    for (const auto& spec : job.variables) {
      auto variable = to_variable(spec);
      if (spec.expand) variable.value = expanded(spec.value, all);
      pipeline.user_variables.add(std::move(variable));
    }
  }
  return compile_tree(files, history, std::move(pipeline), [&](Includer& includer) {
    auto tree = includer.load_child(trigger.include, trigger.inputs);
    if (tree->entries().empty())
      throw yaml::Error{trigger.mark, "trigger:include: nothing is included"};
    return tree;
  });
}

void require_runnable(const Pipeline& pipeline, const std::vector<std::string>& jobs) {
  for (const auto& [job, refusal] : pipeline.refusals) {
    if (!jobs.empty() && std::find(jobs.begin(), jobs.end(), job) == jobs.end()) continue;
    throw ConfigError{
        pipeline.sources, refusal.mark,
        "jobs:" + job + ":" + refusal.keyword + ": not supported locally, " + refusal.why};
  }
}

}  // namespace slipway::local::ci
