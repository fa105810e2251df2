#include "local/ci/read_parts.hpp"

#include <algorithm>

#include "local/ci/inputs.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::string_view retry_reasons[] = {"always",
                                              "unknown_failure",
                                              "script_failure",
                                              "api_failure",
                                              "stuck_or_timeout_failure",
                                              "stuck_pending_with_matching_runners",
                                              "stuck_pending_no_matching_runners",
                                              "no_updates_running",
                                              "no_updates_canceling",
                                              "runner_system_failure",
                                              "runner_configuration_error",
                                              "runner_external_dependency_failure",
                                              "runner_interrupted",
                                              "runner_unsupported",
                                              "stale_schedule",
                                              "job_execution_timeout",
                                              "server_timeout_running",
                                              "server_timeout_canceling",
                                              "archived_failure",
                                              "unmet_prerequisites",
                                              "scheduler_failure",
                                              "data_integrity_failure"};

std::string read_reason(const Field& field) {
  auto reason = field.text();
  const auto* const last = std::end(retry_reasons);
  if (std::find(std::begin(retry_reasons), last, reason) == last)
    field.fail("unknown failure reason '" + reason + "'");
  return reason;
}

void read_exit_codes(const Field& field, RetrySpec& retry) {
  const auto add = [&](const Field& code) {
    retry.exit_codes.push_back(static_cast<int>(code.integer(0, 255)));
  };
  if (!field.is_list()) return add(field);
  for (const auto& code : field.items()) add(code);
  if (retry.exit_codes.empty()) field.fail("should not be empty");
}

void read_forward(const Field& field, TriggerSpec& trigger) {
  field.only_keys({"yaml_variables", "pipeline_variables"});
  if (const auto yaml = field.find("yaml_variables"))
    trigger.forward_yaml_variables = yaml->boolean();
  if (const auto pipeline = field.find("pipeline_variables"))
    trigger.forward_pipeline_variables = pipeline->boolean();
}

void check_step(const Field& step) {
  if (!step.is_mapping()) step.expected("a mapping");
  step.only_keys({"name", "step", "func", "script", "env", "inputs"});
  const auto name = step.find("name");
  if (!name) step.fail("name is missing");
  name->text();
  int kinds = 0;
  for (const auto* kind : {"step", "func", "script"}) kinds += step.find(kind) ? 1 : 0;
  if (kinds != 1) step.fail("should have one of step, func and script");
  if (const auto script = step.find("script")) {
    script->text();
    if (step.find("inputs")) step.fail("inputs are not possible with script");
  }
  if (const auto env = step.find("env"))
    for (const auto& [key, value] : env->members()) value.string();
  if (const auto inputs = step.find("inputs")) inputs->members();
}

}  // namespace

RetrySpec read_retry(const Field& field) {
  RetrySpec retry;
  if (!field.is_mapping()) {
    if (field.node().kind() != yaml::Kind::integer) field.expected("0, 1, 2 or a mapping");
    retry.max = static_cast<int>(field.integer(0, 2));
    return retry;
  }
  field.only_keys({"max", "when", "exit_codes"});
  if (const auto max = field.find("max")) retry.max = static_cast<int>(max->integer(0, 2));
  if (const auto when = field.find("when")) {
    if (when->is_list()) {
      for (const auto& item : when->items()) retry.when.push_back(read_reason(item));
    } else {
      retry.when.push_back(read_reason(*when));
    }
  }
  if (const auto codes = field.find("exit_codes")) read_exit_codes(*codes, retry);
  return retry;
}

EnvironmentSpec read_environment(const Field& field, Notes& notes) {
  EnvironmentSpec result;
  if (!field.is_mapping()) {
    if (!field.node().is_string()) field.expected("a string or a mapping");
    result.name = field.text();
    return result;
  }
  field.only_keys(
      {"name", "url", "on_stop", "action", "auto_stop_in", "kubernetes", "deployment_tier"});
  const auto name = field.find("name");
  if (!name) field.fail("name is missing");
  result.name = name->text();
  if (const auto url = field.find("url")) result.url = url->text();
  if (const auto action = field.find("action"))
    result.action = action->one_of({"start", "prepare", "stop", "verify", "access"});
  if (const auto stop = field.find("on_stop")) result.on_stop = stop->text();
  if (const auto stop = field.find("auto_stop_in")) {
    result.auto_stop_in = stop->scalar();
    if (result.auto_stop_in.find('$') == std::string::npos && result.auto_stop_in != "never")
      stop->duration();
  }
  if (const auto tier = field.find("deployment_tier")) {
    result.deployment_tier = tier->text();
    if (result.deployment_tier.find('$') == std::string::npos)
      tier->one_of({"production", "staging", "testing", "development", "other"});
  }
  if (const auto kubernetes = field.find("kubernetes")) {
    kubernetes->only_keys(
        {"agent", "namespace", "flux_resource_path", "managed_resources", "dashboard"});
    notes.warn(kubernetes->mark(), kubernetes->path() + ": has no effect locally");
  }
  return result;
}

InheritSpec read_inherit(const Field& field) {
  InheritSpec result;
  field.only_keys({"default", "variables"});
  if (const auto defaults = field.find("default")) {
    if (defaults->is_list()) {
      result.all_defaults = false;
      for (const auto& item : defaults->items())
        result.defaults.push_back(item.one_of(
            {"after_script", "artifacts", "before_script", "cache", "hooks", "id_tokens",
             "identity", "image", "interruptible", "retry", "services", "tags", "timeout"}));
    } else {
      result.all_defaults = defaults->boolean();
    }
  }
  if (const auto variables = field.find("variables")) {
    if (variables->is_list()) {
      result.all_variables = false;
      result.variables = variables->texts();
    } else {
      result.all_variables = variables->boolean();
    }
  }
  return result;
}

std::optional<TriggerSpec> read_trigger(const Field& field, std::vector<Refusal>& refusals) {
  constexpr const char* why = "pipelines of other projects cannot be started locally";
  if (!field.is_mapping()) {
    if (!field.node().is_string()) field.expected("a project's path or a mapping");
    field.text();
    refusals.push_back({"trigger", why, field.mark()});
    return std::nullopt;
  }
  field.only_keys({"project", "branch", "include", "strategy", "forward", "inputs"});
  TriggerSpec result;
  result.mark = field.mark();
  if (const auto strategy = field.find("strategy"))
    result.strategy = strategy->one_of({"depend", "mirror"});
  if (const auto forward = field.find("forward")) read_forward(*forward, result);
  const auto project = field.find("project");
  const auto include = field.find("include");
  if (project && include) field.fail("project and include cannot be used together");
  if (project) {
    project->text();
    refusals.push_back({"trigger:project", why, project->mark()});
    return std::nullopt;
  }
  if (field.find("branch")) field.fail("branch needs project");
  if (!include) field.fail("project or include is missing");
  constexpr std::size_t max_includes = 3;
  if (include->is_list()) {
    if (include->node().items().empty()) include->fail("should not be empty");
    if (include->node().items().size() > max_includes)
      include->fail("should not have more than three entries");
  } else if (!include->is_mapping() && !include->node().is_string()) {
    include->expected("a path, a mapping or a list of these");
  }
  result.include = include->ptr();
  if (const auto inputs = field.find("inputs")) {
    inputs->members();
    result.inputs = inputs->ptr();
  }
  return result;
}

void check_run(const Field& field) {
  if (!field.is_list()) field.expected("a list of steps");
  for (const auto& step : field.items()) check_step(step);
  if (field.node().items().empty()) field.fail("should not be empty");
}

void check_job_inputs(const Field& field) {
  constexpr std::size_t max_inputs = 50;
  if (!field.is_mapping()) field.expected("a mapping of names to inputs");
  if (field.node().entries().size() > max_inputs)
    field.fail("should not have more than 50 entries");
  for (const auto& [name, input] : field.members()) {
    const auto spec = read_input(input);
    if (!spec.default_value) input.fail("default is missing");
  }
}

}  // namespace slipway::local::ci
