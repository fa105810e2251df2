#include "runner/stages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "config/feature_flags.hpp"
#include "job/artifacts_stage.hpp"
#include "job/log_lines.hpp"
#include "job/script.hpp"
#include "runner/cache_parameters.hpp"
#include "runner/git_parameters.hpp"

namespace slipway::runner {

namespace {

using nlohmann::json;

/// The variables as they are now: the runner's own entry of CI_JOB_STATUS follows the job.
job::Variables current_variables(const StageInput& input) {
  auto variables = input.environment.variables;
  if (!input.job_status.empty()) variables.overwrite_first("CI_JOB_STATUS", input.job_status);
  return variables;
}

std::vector<std::pair<std::string, std::string>> exported(const StageInput& input) {
  const auto& temp_dir = input.environment.temp_dir;
  std::vector<std::pair<std::string, std::string>> result;
  const auto variables = current_variables(input);  // list() is a part of it
  for (const auto& variable : variables.list())
    result.emplace_back(variable.key,
                        variable.file ? temp_dir + "/" + variable.key : variable.value);
  return result;
}

job::ScriptOptions script_options(const StageInput& input, const job::Variables& variables) {
  job::ScriptOptions options;
  options.variables = variables;
  options.project_dir = input.environment.project_dir;
  options.temp_dir = input.environment.temp_dir;
  const auto flag = [&](std::string_view name) {
    return feature_flag(input.runner, variables, name);
  };
  options.debug_trace =
      !input.runner.debug_trace_disabled && variables.get_bool("CI_DEBUG_TRACE", false);
  options.exit_code_check = flag("FF_ENABLE_BASH_EXIT_CODE_CHECK");
  options.posix_escapes = flag("FF_POSIXLY_CORRECT_ESCAPES");
  options.legacy_eval = flag("FF_USE_LEGACY_BASH_EVAL");
  options.git_seed = flag("FF_GIT_URLS_WITHOUT_TOKENS");
  options.script_sections = flag("FF_SCRIPT_SECTIONS") && input.job.features.trace_sections;
  return options;
}

/// The user's hook commands around get_sources, as one script for the helper image's shell.
std::string hook_script(const StageInput& input, const std::string& name,
                        const std::string& configured, bool configured_first) {
  std::vector<std::string> commands;
  for (const auto& hook : input.job.hooks)
    if (hook.name == name) commands = hook.script;
  if (!configured.empty())
    commands.insert(configured_first ? commands.begin() : commands.end(), configured);
  if (commands.empty()) return "";
  auto options = script_options(input, current_variables(input));
  options.commands = std::move(commands);
  options.section_prefix = configured_first ? "pre_clone_script" : "post_clone_script";
  // There may be no such directory before the sources are.
  if (configured_first) options.project_dir.clear();
  return job::generate_script(options);
}

executors::Stage native(std::string name, const json& parameters) {
  executors::Stage stage;
  stage.name = std::move(name);
  stage.place = executors::Stage::Place::predefined;
  stage.native = true;
  stage.native_parameters = parameters.dump(-1, ' ', false, json::error_handler_t::replace);
  return stage;
}

job::CoordinatorAccess coordinator_access(const StageInput& input) {
  const auto& variables = input.environment.variables;
  return {input.runner.url, variables.get("CI_SERVER_TLS_CA_FILE"),
          variables.get("CI_SERVER_TLS_CERT_FILE"), variables.get("CI_SERVER_TLS_KEY_FILE")};
}

job::ArtifactProvenance provenance(const StageInput& input) {
  const auto& variables = input.environment.variables;
  job::ArtifactProvenance result;
  result.runner_id = variables.get("CI_RUNNER_ID");
  result.repo_url = git_parameters(input).remote_url;
  result.repo_digest = input.job.git.sha;
  result.job_name = input.job.info.name;
  result.executor_name = input.runner.executor;
  result.runner_name = input.runner.name;
  result.started_at = input.started_at;
  result.ended_at = input.now;
  result.schema_version = variables.get("SLSA_PROVENANCE_SCHEMA_VERSION");
  for (const auto& variable : input.job.variables.list()) result.parameters.push_back(variable.key);
  return result;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

bool feature_flag(const config::Runner& runner, const job::Variables& variables,
                  std::string_view name) {
  const config::FlagVariables lookup = [&](std::string_view key) { return variables.find(key); };
  return config::resolve(name, runner.feature_flags, lookup).value;
}

job::GetSourcesParameters source_parameters(const StageInput& input) {
  auto parameters = git_parameters(input);
  parameters.variables = exported(input);
  // Without a repository there is nothing to hook into.
  if (!has_repository(parameters)) return parameters;
  parameters.pre_script =
      hook_script(input, "pre_get_sources_script", input.runner.pre_get_sources_script, true);
  parameters.post_script =
      hook_script(input, "post_get_sources_script", input.runner.post_get_sources_script, false);
  return parameters;
}

bool has_repository(const job::GetSourcesParameters& parameters) {
  return parameters.strategy == "fetch" || parameters.strategy == "clone";
}

executors::Stage prepare_script_stage(const StageInput& input, const std::string& via) {
  const bool on_host = input.environment.on_host;
  return native("prepare_script", {{"temp_dir", input.environment.temp_dir},
                                   {"via", on_host ? "" : via},
                                   {"private_temp", on_host}});
}

executors::Stage get_sources_stage(const StageInput& input) {
  check_source_settings(job_settings(input));
  return native("get_sources", json(source_parameters(input)));
}

executors::Stage clear_worktree_stage(const StageInput& input) {
  return native("clear_worktree", {{"project_dir", input.environment.project_dir},
                                   {"safe_directory", safe_directory(input.runner)},
                                   {"variables", exported(input)}});
}

std::vector<executors::Stage> user_stages(const StageInput& input) {
  std::vector<executors::Stage> stages;
  for (const auto& step : input.job.steps) {
    if (step.name == "after_script") continue;
    auto options = script_options(input, input.environment.variables);
    options.pre_build_script = input.runner.pre_build_script;
    options.post_build_script = input.runner.post_build_script;
    options.commands = step.script;
    if (step.name == "release")
      for (auto& line : options.commands) line = input.environment.variables.expand(line);
    executors::Stage stage;
    stage.name = "step_" + lower(step.name);
    stage.script = job::generate_script(options);
    stages.push_back(std::move(stage));
  }
  return stages;
}

std::optional<executors::Stage> after_script_stage(const StageInput& input) {
  const auto* step = input.job.step("after_script");
  if (step == nullptr || step->script.empty()) return std::nullopt;
  auto options = script_options(input, current_variables(input));
  options.commands = step->script;
  options.first_notice = "Running after script...";
  options.section_prefix = "after_script_step";
  executors::Stage stage;
  stage.name = "after_script";
  stage.script = job::generate_script(options);
  return stage;
}

std::optional<executors::Stage> restore_cache_stage(const StageInput& input,
                                                    const executors::CacheObjects* objects) {
  auto parameters = restore_cache_parameters(input, objects);
  if (!parameters) return std::nullopt;
  parameters->variables = exported(input);
  return native("restore_cache", json(*parameters));
}

std::optional<executors::Stage> archive_cache_stage(const StageInput& input, bool success,
                                                    const executors::CacheObjects* objects) {
  auto parameters = save_cache_parameters(input, success, objects);
  if (!parameters) return std::nullopt;
  parameters->variables = exported(input);
  return native(success ? "archive_cache" : "archive_cache_on_failure", json(*parameters));
}

std::optional<executors::Stage> download_artifacts_stage(const StageInput& input) {
  job::DownloadArtifactsParameters parameters;
  for (const auto& dependency : input.job.dependencies)
    if (!dependency.filename.empty())
      parameters.sources.push_back({dependency.id, dependency.token.reveal(), dependency.name});
  if (parameters.sources.empty()) return std::nullopt;
  parameters.coordinator = coordinator_access(input);
  parameters.project_dir = input.environment.project_dir;
  parameters.builds_dir = input.environment.builds_dir;
  parameters.variables = exported(input);
  return native("download_artifacts", json(parameters));
}

std::optional<executors::Stage> upload_artifacts_stage(const StageInput& input, bool success) {
  job::UploadArtifactsParameters parameters;
  const auto fits = [success](const std::string& when) {
    if (when == "always") return true;
    return when == "on_failure" ? !success : success && (when.empty() || when == "on_success");
  };
  const bool explained = input.job.variables.get_bool("RUNNER_GENERATE_ARTIFACTS_METADATA", false);
  for (const auto& artifact : input.job.artifacts) {
    if (!fits(artifact.when)) continue;
    if (artifact.paths.empty() && artifact.exclude.empty() && !artifact.untracked) continue;
    parameters.artifacts.push_back({artifact.name, artifact.untracked, artifact.paths,
                                    artifact.exclude, artifact.type, artifact.format,
                                    artifact.expire_in});
    if (explained && artifact.format == "zip")
      parameters.artifacts.back().provenance = provenance(input);
  }
  if (parameters.artifacts.empty() || input.runner.url.empty()) return std::nullopt;
  parameters.coordinator = coordinator_access(input);
  parameters.job = input.job.id;
  parameters.token = input.job.token.reveal();
  parameters.project_dir = input.environment.project_dir;
  parameters.variables = exported(input);
  return native(success ? "upload_artifacts_on_success" : "upload_artifacts_on_failure",
                json(parameters));
}

executors::Stage cleanup_stage(const StageInput& input) {
  const auto parameters = git_parameters(input);
  auto files = json::array();
  for (const auto& file : parameters.files) files.push_back(file.first);
  const bool repository = has_repository(parameters);
  return native("cleanup_file_variables",
                {{"temp_dir", parameters.temp_dir},
                 {"project_dir", parameters.project_dir},
                 {"builds_dir", parameters.builds_dir},
                 {"file_variables", files},
                 {"git_cleanup", repository},
                 {"clean_git_config", parameters.clean_git_config},
                 {"remote_url", repository ? parameters.remote_url : ""},
                 {"clean_directory",
                  feature_flag(input.runner, input.environment.variables, "FF_ENABLE_JOB_CLEANUP")},
                 {"strategy", parameters.strategy},
                 {"clean_flags", parameters.clean_flags},
                 {"submodule_strategy", parameters.submodule_strategy},
                 {"safe_directory", parameters.safe_directory}});
}

}  // namespace slipway::runner
