#include "executors/shell/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "job/failure.hpp"

namespace slipway::executors::shell {

namespace {

using job::Failure;
using job::FailureReason;

constexpr auto default_shell = "bash";
constexpr std::array<std::string_view, 3> known_shells{"", "bash", "sh"};

/// A configured directory as it is given; the default lies in the daemon's working directory.
std::string root_directory(const std::string& configured, const char* fallback, const char* key,
                           const PlanContext& context) {
  auto path = configured.empty() ? std::string{"$PWD/"} + fallback : configured;
  for (const std::string pwd : {"${PWD}", "$PWD"})
    if (path.starts_with(pwd)) path = context.working_dir + path.substr(pwd.size());
  if (!path.starts_with('/')) path = context.working_dir + "/" + path;
  path = clean_path(path);
  if (path == "/")
    throw Failure{FailureReason::runner_configuration_error,
                  fmt::format("`{}` must not be the root directory", key)};
  return path;
}

JobEnvironment directories(const job::Job& job, const config::Runner& runner,
                           const PlanContext& context) {
  JobEnvironment environment;
  environment.builds_dir = root_directory(runner.builds_dir, "builds", "builds_dir", context);
  const auto caches = root_directory(runner.cache_dir, "cache", "cache_dir", context);
  const auto slug = project_slug(job);
  const auto* suffix = git_strategy(job, early_variables(job, runner)) == "empty" ? "-empty" : "";
  environment.project_dir =
      fmt::format("{}/{}/{}/{}{}", environment.builds_dir, job::short_token(runner.token.reveal()),
                  context.project_slot, slug, suffix);
  environment.temp_dir = environment.project_dir + ".tmp";
  environment.cache_dir = fmt::format("{}/{}{}", caches, slug, suffix);
  environment.hostname = context.hostname;
  environment.shared = true;
  environment.on_host = true;
  return environment;
}

std::string service_names(const job::Job& job) {
  std::string names;
  for (const auto& service : job.services)
    names += (names.empty() ? "" : ", ") + service.name.substr(0, 100);
  return names;
}

}  // namespace

Plan make_plan(const job::Job& job, const config::Runner& runner, const PlanContext& context) {
  if (std::ranges::find(known_shells, runner.shell) == known_shells.end())
    throw Failure{
        FailureReason::runner_configuration_error,
        fmt::format("`shell = \"{}\"` is not supported by the shell executor; supported: bash, sh",
                    runner.shell)};
  Plan plan;
  plan.environment = directories(job, runner, context);
  auto& environment = plan.environment;
  apply_clone_path(runner, /*allowed=*/false,
                   job_variables(job, runner, context, environment, Place::shared), environment);
  environment.variables =
      job_variables(job, runner, context, environment, Place::shared).expanded();
  plan.shell_chosen = !runner.shell.empty();
  plan.shell = plan.shell_chosen ? runner.shell : default_shell;
  plan.user = context.user;
  plan.working_dir = context.working_dir;
  for (const auto& variable : environment.variables.list())
    if (variable.file) plan.file_variables.push_back(variable.key);
  if (!job.services.empty())
    plan.warnings.push_back(fmt::format(
        "The shell executor has no services; this job's are not started: {}", service_names(job)));
  return plan;
}

std::string cleanup_parameters(const Plan& plan) {
  const nlohmann::json parameters{{"temp_dir", plan.environment.temp_dir},
                                  {"project_dir", plan.environment.project_dir},
                                  {"builds_dir", plan.environment.builds_dir},
                                  {"file_variables", plan.file_variables},
                                  {"git_cleanup", false}};
  return parameters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string exit_text(int exit_code, int signal) {
  if (signal == 0) return fmt::format("exit status {}", exit_code);
  struct Name {
    int number;
    const char* text;
  };
  constexpr std::array names{Name{1, "hangup"},
                             Name{2, "interrupt"},
                             Name{3, "quit"},
                             Name{4, "illegal instruction"},
                             Name{5, "trace/breakpoint trap"},
                             Name{6, "aborted"},
                             Name{7, "bus error"},
                             Name{8, "floating point exception"},
                             Name{9, "killed"},
                             Name{10, "user defined signal 1"},
                             Name{11, "segmentation fault"},
                             Name{12, "user defined signal 2"},
                             Name{13, "broken pipe"},
                             Name{14, "alarm clock"},
                             Name{15, "terminated"}};
  const auto found = std::ranges::find(names, signal, &Name::number);
  return found == names.end() ? fmt::format("signal: signal {}", signal)
                              : fmt::format("signal: {}", found->text);
}

}  // namespace slipway::executors::shell
