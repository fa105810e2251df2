#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/registration.hpp"
#include "cmd/slipway/runner_flags.hpp"

namespace slipway::cmd {

namespace {

/// What one command line of `register` says.
struct RegisterLine {
  RegisterOptions own;
  RunnerFlags runner;
};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void add_basic_options(CLI::App& command, RegisterOptions& own) {
  command
      .add_flag("-n,--non-interactive", own.non_interactive,
                "Ask nothing; what is missing is an error")
      ->envname("REGISTER_NON_INTERACTIVE");
  command
      .add_flag("--leave-runner", own.leave_runner,
                "Keep the runner in GitLab when something fails later")
      ->envname("REGISTER_LEAVE_RUNNER");
  command.add_flag("--ignore-server-options", own.ignore_server_options,
                   "Go on when settings of the server are given with a glrt- token");
  command.add_option("-u,--url", own.url, "URL of GitLab")->envname("CI_SERVER_URL");
  command.add_option("-t,--token", own.token, "Authentication token (glrt-) of the runner")
      ->envname("CI_SERVER_TOKEN");
  command
      .add_option("-r,--registration-token", own.registration_token,
                  "Registration token (deprecated), or a glrt- token")
      ->envname("REGISTRATION_TOKEN");
  command.add_option("--name,--description", own.name, "Name of the runner")
      ->capture_default_str()
      ->envname("RUNNER_NAME");
  command.add_option("--executor", own.executor, "How jobs run: docker")
      ->envname("RUNNER_EXECUTOR");
}

void add_file_options(CLI::App& command, RegisterOptions& own) {
  command
      .add_option("--template-config", own.template_path,
                  "File whose only [[runners]] gives what flags do not")
      ->envname("TEMPLATE_CONFIG_FILE");
  command
      .add_option("--concurrent", own.concurrent,
                  "Set the file's concurrent: jobs at once, of all runners together")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--set", own.settings,
                  "Set a key that has no flag: runners.docker.key=value, in TOML's notation")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_server_options(CLI::App& command, RegisterOptions& own) {
  command.add_option("--tag-list", own.tag_list, "Tags, comma-separated")
      ->envname("RUNNER_TAG_LIST");
  command.add_flag("--run-untagged", own.run_untagged, "Take jobs without tags too")
      ->envname("REGISTER_RUN_UNTAGGED");
  command.add_flag("--locked", own.locked, "Keep the runner to its project (default: true)")
      ->envname("REGISTER_LOCKED");
  command.add_option("--access-level", own.access_level, "not_protected or ref_protected")
      ->envname("REGISTER_ACCESS_LEVEL");
  command.add_option("--maximum-timeout", own.maximum_timeout, "Longest time of a job, in seconds")
      ->capture_default_str()
      ->envname("REGISTER_MAXIMUM_TIMEOUT");
  command.add_flag("--paused", own.paused, "Take no jobs until resumed in GitLab")
      ->envname("REGISTER_PAUSED");
  command.add_option("--maintenance-note", own.maintenance_note, "Note for administrators")
      ->envname("REGISTER_MAINTENANCE_NOTE");
}

int register_runner(const Context& context, const RegisterLine& line) {
  config::RunnerEntry entry;
  line.runner.store(entry);
  if (const auto names = line.runner.taken_from_environment(); !names.empty())
    spdlog::info("Values taken from the environment variables={}", fmt::join(names, ","));
  Registration registration{context, line.own, std::move(entry)};
  registration.run();
  return 0;
}

}  // namespace

void add_register_command(CLI::App& command, const Context& context, Action& action) {
  const auto line = std::make_shared<RegisterLine>();  // shared with the action
  line->own.name = host_name();
  line->own.default_name = line->own.name;
  add_config_option(command, context, line->own.config_path);
  add_basic_options(command, line->own);
  add_file_options(command, line->own);
  add_server_options(command, line->own);
  line->runner.add_to(command);
  command.callback([line, &context, &action] {
    action = [line, &context] { return register_runner(context, *line); };
  });
}

}  // namespace slipway::cmd
