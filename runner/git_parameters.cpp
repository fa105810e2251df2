#include "runner/git_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "job/failure.hpp"
#include "job/git_urls.hpp"
#include "job/text.hpp"

namespace slipway::runner {

namespace {

bool is_one_of(const std::string& text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// The jobs of such an executor run as a user of this machine, with that user's configuration.
bool shares_environment(const config::Runner& runner) {
  return is_one_of(runner.executor, {"shell", "ssh", "custom", "instance"});
}

/// The value that a stage's environment has: of a file variable its path.
std::string exported_value(const executors::JobEnvironment& environment, std::string_view key) {
  const auto& list = environment.variables.list();
  const auto found = std::find_if(list.rbegin(), list.rend(),
                                  [key](const auto& variable) { return variable.key == key; });
  if (found == list.rend() || found->value.empty()) return "";
  return found->file ? environment.temp_dir + "/" + found->key : found->value;
}

/// Names the job in the logs of GitLab's git server. The same in every attempt and process.
std::string correlation_id(const StageInput& input) {
  auto id = fmt::format("{}-{}", job::short_token(input.runner.token.reveal()), input.job.id);
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !job::is_name_character(c) && c != '-'; }, '-');
  return id;
}

void add_urls(const StageInput& input, bool force_https, job::GetSourcesParameters& parameters) {
  const auto& variables = input.environment.variables;
  job::GitUrlInput urls;
  urls.repo_url = input.job.git.repo_url;
  urls.clone_url = input.runner.clone_url;
  urls.runner_url = input.runner.url;
  urls.project_path = variables.get("CI_PROJECT_PATH");
  if (urls.project_path.empty()) urls.project_path = input.job.info.project_full_path;
  urls.token = input.job.token.reveal();
  urls.tokens_in_urls = !feature_flag(input.runner, variables, "FF_GIT_URLS_WITHOUT_TOKENS");
  urls.force_https = force_https;
  urls.ssh_host = variables.get("CI_SERVER_SHELL_SSH_HOST");
  if (urls.ssh_host.empty()) urls.ssh_host = variables.get("CI_SERVER_HOST");
  urls.ssh_port = variables.get("CI_SERVER_SHELL_SSH_PORT");
  auto found = job::git_urls(urls);
  parameters.remote_url = std::move(found.remote);
  parameters.url_rules = std::move(found.rules);
  if (!urls.tokens_in_urls) parameters.credential_origins = std::move(found.origins);
  parameters.tls_origins = std::move(found.tls_origins);
}

void add_settings(const job::Settings& settings, job::GetSourcesParameters& parameters) {
  parameters.strategy = settings.git_strategy;
  parameters.checkout = settings.git_checkout;
  parameters.clean_flags = settings.clean_flags;
  parameters.fetch_flags = settings.fetch_flags;
  parameters.clone_flags = settings.clone_flags;
  parameters.submodule_strategy = name_of(settings.submodule_strategy);
  parameters.submodule_paths = settings.submodule_paths;
  parameters.submodule_depth = settings.submodule_depth;
  parameters.submodule_update_flags = settings.submodule_update_flags;
  parameters.lfs = !settings.lfs_skip_smudge;
}

}  // namespace

job::Settings job_settings(const StageInput& input) {
  job::SettingsContext context;
  context.allow_git_fetch = input.job.allow_git_fetch;
  context.depth = input.job.git.depth;
  context.debug_trace_disabled = input.runner.debug_trace_disabled;
  return job::read_settings(input.environment.variables, context);
}

job::GetSourcesParameters git_parameters(const StageInput& input) {
  const auto& environment = input.environment;
  const auto& git = input.job.git;
  const auto settings = job_settings(input);
  const auto flag = [&](std::string_view name) {
    return feature_flag(input.runner, environment.variables, name);
  };
  job::GetSourcesParameters parameters;
  add_settings(settings, parameters);
  add_urls(input, settings.submodule_force_https, parameters);
  parameters.project_dir = environment.project_dir;
  parameters.temp_dir = environment.temp_dir;
  parameters.builds_dir = environment.builds_dir;
  parameters.cache_dir = environment.cache_dir;
  parameters.ref = git.ref;
  parameters.sha = git.sha;
  parameters.object_format = git.repo_object_format;
  parameters.refspecs = git.refspecs;
  parameters.depth = git.depth;
  parameters.native_clone = flag("FF_USE_GIT_NATIVE_CLONE");
  parameters.safe_directory = safe_directory(input.runner);
  parameters.clean_git_config = clean_git_config(input.runner, parameters.strategy);
  parameters.global_tls = !shares_environment(input.runner);
  parameters.bundle_uris = flag("FF_USE_GIT_BUNDLE_URIS");
  parameters.proactive_auth = flag("FF_USE_GIT_PROACTIVE_AUTH");
  parameters.user_agent = input.user_agent;
  if (flag("FF_USE_GITALY_CORRELATION_ID")) parameters.correlation_id = correlation_id(input);
  parameters.ca_file = exported_value(environment, "CI_SERVER_TLS_CA_FILE");
  parameters.certificate_file = exported_value(environment, "CI_SERVER_TLS_CERT_FILE");
  parameters.key_file = exported_value(environment, "CI_SERVER_TLS_KEY_FILE");
  for (const auto& variable : environment.variables.list())
    if (variable.file) parameters.files.emplace_back(variable.key, variable.value);
  return parameters;
}

bool safe_directory(const config::Runner& runner) {
  return runner.safe_directory_checkout.value_or(
      !is_one_of(runner.executor, {"shell", "ssh", "custom"}));
}

bool clean_git_config(const config::Runner& runner, const std::string& strategy) {
  return runner.clean_git_config.value_or(runner.executor != "shell" && strategy != "none");
}

void check_source_settings(const job::Settings& settings) {
  if (settings.git_strategy != "fetch" && settings.git_strategy != "clone") return;
  const auto refuse = [](const std::string& text) {
    throw job::Failure{job::FailureReason::runner_system_failure, text};
  };
  if (settings.submodule_strategy == job::SubmoduleStrategy::invalid)
    refuse("unknown GIT_SUBMODULE_STRATEGY");
  if (settings.submodule_strategy != job::SubmoduleStrategy::none &&
      !settings.submodule_paths_error.empty())
    refuse(settings.submodule_paths_error);
}

std::string_view name_of(job::SubmoduleStrategy strategy) {
  if (strategy == job::SubmoduleStrategy::normal) return "normal";
  if (strategy == job::SubmoduleStrategy::recursive) return "recursive";
  return strategy == job::SubmoduleStrategy::none ? "none" : "invalid";
}

}  // namespace slipway::runner
