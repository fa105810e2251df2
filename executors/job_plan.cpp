#include "executors/job_plan.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "config/feature_flags.hpp"
#include "job/failure.hpp"
#include "net/endpoint.hpp"

namespace slipway::executors {

using job::Failure;
using job::FailureReason;

std::string clean_path(std::string_view text) {
  auto path = std::filesystem::path{text}.lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool is_same_or_parent(std::string_view parent, std::string_view path) {
  while (parent.size() > 1 && parent.ends_with('/')) parent.remove_suffix(1);
  return path == parent || parent == "/" ||
         (path.starts_with(parent) && path.substr(parent.size()).starts_with('/'));
}

job::Variables early_variables(const job::Job& job, const config::Runner& runner) {
  job::Variables variables;
  for (const auto& [key, value] : runner.environment) variables.add_internal(key, value);
  variables.append(job.variables);
  return variables.expanded();
}

bool feature_flag(std::string_view name, const config::Runner& runner,
                  const job::Variables& variables) {
  const config::FlagVariables lookup = [&](std::string_view key) { return variables.find(key); };
  return config::resolve(name, runner.feature_flags, lookup).value;
}

std::string git_strategy(const job::Job& job, const job::Variables& variables) {
  const auto strategy = variables.get("GIT_STRATEGY");
  if (strategy == "clone" || strategy == "fetch" || strategy == "none" || strategy == "empty")
    return strategy;
  return job.allow_git_fetch ? "fetch" : "clone";
}

std::string project_slug(const job::Job& job) {
  const auto fallback = fmt::format("project-{}", job.info.project_id);
  const auto url = net::parse_url(job.git.repo_url);
  if (!url || url->path.find("..") != std::string::npos) return fallback;
  auto path = clean_path(url->path.substr(0, url->path.find('?')));
  if (path.ends_with(".git")) path.resize(path.size() - 4);
  path.erase(0, path.find_first_not_of('/'));
  return path.empty() || path == "." ? fallback : path;
}

void apply_clone_path(const config::Runner& runner, bool allowed, const job::Variables& variables,
                      JobEnvironment& environment) {
  const auto wanted = variables.expanded().get("GIT_CLONE_PATH");
  if (wanted.empty()) return;
  if (!runner.custom_build_dir_enabled.value_or(allowed))
    throw Failure{FailureReason::runner_configuration_error,
                  "setting GIT_CLONE_PATH is not allowed, enable `custom_build_dir` feature"};
  const auto path = clean_path(wanted);
  if (!is_same_or_parent(environment.builds_dir, path))
    throw Failure{FailureReason::runner_configuration_error,
                  fmt::format("the GIT_CLONE_PATH=\"{}\" has to be within \"{}\"", path,
                              environment.builds_dir)};
  environment.project_dir = path;
  environment.temp_dir = path + ".tmp";
}

}  // namespace slipway::executors
