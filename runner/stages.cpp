#include "runner/stages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "config/feature_flags.hpp"
#include "job/artifacts_stage.hpp"
#include "job/log_lines.hpp"
#include "job/script.hpp"
#include "net/endpoint.hpp"

namespace slipway::runner {

namespace {

using nlohmann::json;

/// `none` is the empty list, nothing is `fallback`, else words split at white space.
std::vector<std::string> flags(const job::Variables& variables, const std::string& name,
                               std::vector<std::string> fallback) {
  const auto text = variables.get(name);
  if (text.empty()) return fallback;
  std::vector<std::string> words;
  if (text == "none") return words;
  std::string word;
  for (const char c : text + " ") {
    if (!std::isspace(static_cast<unsigned char>(c))) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

std::string strategy_of(const job::Job& job, const job::Variables& variables) {
  const auto strategy = variables.get("GIT_STRATEGY");
  if (strategy == "clone" || strategy == "fetch" || strategy == "none" || strategy == "empty")
    return strategy;
  return job.allow_git_fetch ? "fetch" : "clone";
}

bool clean_git_config(const StageInput& input, const std::string& strategy) {
  return input.runner.clean_git_config.value_or(strategy != "none");
}

/// The URL without `user:password@`.
std::string without_credentials(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const auto path = url.find('/', scheme + 3);
  const auto at = url.rfind('@', path);
  if (at == std::string::npos || at < scheme) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

/// `clone_url` of the configuration replaces scheme and host of the payload's URL.
std::string authenticated_url(const StageInput& input) {
  const auto base = net::parse_url(input.runner.clone_url);
  if (!base) return input.job.git.repo_url;
  auto prefix = input.runner.clone_url;
  while (prefix.ends_with('/')) prefix.pop_back();
  const auto scheme_end = prefix.find("://") + 3;
  const auto project = input.job.info.project_full_path.empty()
                           ? input.environment.variables.get("CI_PROJECT_PATH")
                           : input.job.info.project_full_path;
  return prefix.substr(0, scheme_end) + "gitlab-ci-token:" + input.job.token.reveal() + "@" +
         prefix.substr(scheme_end) + "/" + project + ".git";
}

std::vector<std::pair<std::string, std::string>> exported(
    const executors::JobEnvironment& environment) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& variable : environment.variables.list())
    result.emplace_back(variable.key,
                        variable.file ? environment.temp_dir + "/" + variable.key : variable.value);
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
  auto options = script_options(input, input.environment.variables);
  options.commands = std::move(commands);
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
  const auto& variables = input.environment.variables;
  const auto& git = input.job.git;
  job::GetSourcesParameters parameters;
  parameters.strategy = strategy_of(input.job, variables);
  parameters.authenticated_url = authenticated_url(input);
  parameters.remote_url = without_credentials(parameters.authenticated_url);
  parameters.project_dir = input.environment.project_dir;
  parameters.temp_dir = input.environment.temp_dir;
  parameters.ref = git.ref;
  parameters.sha = git.sha;
  parameters.object_format = git.repo_object_format;
  parameters.refspecs = git.refspecs;
  parameters.depth = git.depth;
  parameters.checkout = variables.get_bool("GIT_CHECKOUT", true);
  parameters.clean_flags = flags(variables, "GIT_CLEAN_FLAGS", parameters.clean_flags);
  parameters.fetch_flags = flags(variables, "GIT_FETCH_EXTRA_FLAGS", parameters.fetch_flags);
  parameters.safe_directory = input.runner.safe_directory_checkout.value_or(true);
  parameters.clean_git_config = clean_git_config(input, parameters.strategy);
  parameters.user_agent = input.user_agent;
  parameters.variables = exported(input.environment);
  // Without a repository there is nothing to hook into.
  if (parameters.strategy != "fetch" && parameters.strategy != "clone") return parameters;
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
  return native("prepare_script", {{"temp_dir", input.environment.temp_dir}, {"via", via}});
}

executors::Stage get_sources_stage(const StageInput& input) {
  return native("get_sources", json(source_parameters(input)));
}

executors::Stage clear_worktree_stage(const StageInput& input) {
  return native("clear_worktree",
                {{"project_dir", input.environment.project_dir},
                 {"safe_directory", input.runner.safe_directory_checkout.value_or(true)}});
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

std::optional<executors::Stage> after_script_stage(const StageInput& input,
                                                   const std::string& status) {
  const auto* step = input.job.step("after_script");
  if (step == nullptr || step->script.empty()) return std::nullopt;
  auto variables = input.environment.variables;
  variables.overwrite_first("CI_JOB_STATUS", status);
  auto options = script_options(input, variables);
  options.commands = step->script;
  options.first_notice = "Running after script...";
  options.section_prefix = "after_script_step";
  executors::Stage stage;
  stage.name = "after_script";
  stage.script = job::generate_script(options);
  return stage;
}

std::optional<executors::Stage> download_artifacts_stage(const StageInput& input) {
  job::DownloadArtifactsParameters parameters;
  for (const auto& dependency : input.job.dependencies)
    if (!dependency.filename.empty())
      parameters.sources.push_back({dependency.id, dependency.token.reveal(), dependency.name});
  if (parameters.sources.empty()) return std::nullopt;
  parameters.coordinator = coordinator_access(input);
  parameters.project_dir = input.environment.project_dir;
  parameters.variables = exported(input.environment);
  return native("download_artifacts", json(parameters));
}

std::optional<executors::Stage> upload_artifacts_stage(const StageInput& input, bool success) {
  job::UploadArtifactsParameters parameters;
  const auto fits = [success](const std::string& when) {
    if (when == "always") return true;
    return when == "on_failure" ? !success : success && (when.empty() || when == "on_success");
  };
  for (const auto& artifact : input.job.artifacts) {
    if (!fits(artifact.when)) continue;
    if (artifact.paths.empty() && artifact.exclude.empty() && !artifact.untracked) continue;
    parameters.artifacts.push_back({artifact.name, artifact.untracked, artifact.paths,
                                    artifact.exclude, artifact.type, artifact.format,
                                    artifact.expire_in});
  }
  if (parameters.artifacts.empty() || input.runner.url.empty()) return std::nullopt;
  parameters.coordinator = coordinator_access(input);
  parameters.job = input.job.id;
  parameters.token = input.job.token.reveal();
  parameters.project_dir = input.environment.project_dir;
  parameters.variables = exported(input.environment);
  return native(success ? "upload_artifacts_on_success" : "upload_artifacts_on_failure",
                json(parameters));
}

executors::Stage cleanup_stage(const StageInput& input) {
  auto files = json::array();
  for (const auto& variable : input.environment.variables.list())
    if (variable.file) files.push_back(variable.key);
  const auto strategy = strategy_of(input.job, input.environment.variables);
  return native("cleanup_file_variables",
                {{"temp_dir", input.environment.temp_dir},
                 {"project_dir", input.environment.project_dir},
                 {"file_variables", files},
                 {"git_cleanup", strategy == "fetch" || strategy == "clone"},
                 {"clean_git_config", clean_git_config(input, strategy)}});
}

}  // namespace slipway::runner
