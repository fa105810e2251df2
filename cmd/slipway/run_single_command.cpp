#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/executor_names.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/run_single.hpp"
#include "cmd/slipway/runner_flags.hpp"
#include "config/edit.hpp"
#include "config/load.hpp"

namespace slipway::cmd {

namespace {

/// What one command line of `run-single` says.
struct RunSingleLine {
  std::string config_path;
  std::string runner_name;
  std::string name;
  std::string url;
  std::string token;
  std::string executor;
  int max_builds = 0;
  int wait_timeout = 0;
  int shutdown_timeout = 30;
  RunnerFlags flags;
};

config::Runner runner_from_file(const RunSingleLine& line, const Context& context) {
  const auto config = load_config(context, line.config_path);
  const auto found = std::ranges::find(config.runners, line.runner_name, &config::Runner::name);
  if (found == config.runners.end())
    throw Fatal{
        fmt::format("no runner with the name \"{}\" in {}", line.runner_name, line.config_path)};
  return *found;
}

/// The flags as the file that register would write says them, so that every default is the same.
config::Runner runner_from_flags(const RunSingleLine& line) {
  config::RunnerEntry entry;
  entry.set("docker.image", std::string{});
  line.flags.store(entry);
  if (line.executor == "shell") entry.erase_table("docker");
  entry.set("name", line.name);
  entry.set("url", line.url);
  entry.set("token", line.token);
  entry.set("executor", line.executor);
  // The shell has expanded what was to be expanded.
  const config::Environment unchanged = [](const std::string& name) { return "$" + name; };
  auto config = config::parse(config::with_runner_appended("", entry), "command line", unchanged);
  return std::move(config.runners.front());
}

void check(const config::Runner& runner) {
  if (runner.url.empty()) throw Fatal{"Missing URL"};
  if (runner.token.empty()) throw Fatal{"Missing Token"};
  if (runner.executor.empty()) throw Fatal{"Missing Executor"};
  if (!is_executor(runner.executor))
    throw Fatal{fmt::format("Unknown executor: {}", runner.executor)};
  if (const auto why = unsupported_executor(runner.executor); !why.empty()) throw Fatal{why};
}

int run_single(const Context& context, const RunSingleLine& line) {
  RunSingleOptions options;
  options.identity = context.identity;
  options.paths = context.paths;
  const bool from_file = !line.runner_name.empty();
  options.runner = from_file ? runner_from_file(line, context) : runner_from_flags(line);
  if (from_file) options.config_path = line.config_path;
  check(options.runner);
  options.max_builds = line.max_builds;
  options.wait_timeout = std::chrono::seconds{line.wait_timeout};
  options.shutdown_timeout = std::chrono::seconds{line.shutdown_timeout};
  return run_single_service(options);
}

}  // namespace

void add_run_single_command(CLI::App& command, const Context& context, Action& action) {
  const auto line = std::make_shared<RunSingleLine>();  // shared with the action
  add_config_option(command, context, line->config_path);
  command.add_option("-r,--runner", line->runner_name,
                     "Take the runner of this name from the configuration file");
  command.add_option("--name,--description", line->name, "Name of the runner")
      ->envname("RUNNER_NAME");
  command.add_option("-u,--url", line->url, "URL of GitLab")->envname("CI_SERVER_URL");
  command.add_option("-t,--token", line->token, "Authentication token of the runner")
      ->envname("CI_SERVER_TOKEN");
  command.add_option("--executor", line->executor, "How jobs run: docker or shell")
      ->envname("RUNNER_EXECUTOR");
  command.add_option("--max-builds", line->max_builds, "End after that many jobs; 0: never")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--wait-timeout", line->wait_timeout,
                  "End when no job came for so many seconds; 0: never")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--shutdown-timeout", line->shutdown_timeout,
                  "Seconds that aborted jobs get to end")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  line->flags.add_to(command);
  command.callback([line, &context, &action] {
    action = [line, &context] { return run_single(context, *line); };
  });
}

}  // namespace slipway::cmd
