// install, uninstall, start, stop, restart: by systemd.

#include <fmt/format.h>
#include <pwd.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/service_commands.hpp"
#include "cmd/slipway/unit_file.hpp"
#include "config/edit_keys.hpp"

namespace slipway::cmd {

namespace {
namespace fs = std::filesystem;

struct ControlOptions {
  std::string service;
  bool user_service = false;
};

struct InstallOptions {
  ControlOptions control;
  std::string config_path;
  bool config_given = false;
  std::string working_directory;
  std::string user;
  std::string init_user;
  bool syslog = false;
  bool harden = false;
  bool print = false;
};

/// Runs systemctl to its end. \throws Fatal when there is none, or it fails.
void systemctl(const ControlOptions& options, std::vector<std::string> words) {
  if (options.user_service) words.insert(words.begin(), "--user");
  words.insert(words.begin(), "systemctl");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, "systemctl", nullptr, nullptr, arguments.data(), environ);
  if (error == ENOENT)
    throw Fatal{"No service system detected: there is no systemctl; start `run` by other means"};
  if (error != 0) throw Fatal{fmt::format("cannot run systemctl: {}", std::strerror(error))};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Fatal{fmt::format("`{}` failed", fmt::join(words, " "))};
}

fs::path unit_path(const ControlOptions& options, const config::Identity& identity) {
  const auto directory = options.user_service ? fs::path{identity.home} / ".config/systemd/user"
                                              : fs::path{"/etc/systemd/system"};
  return directory / (options.service + ".service");
}

/// A name becomes part of paths and of a unit.
void check_name(const std::string& name) {
  constexpr auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@:";
  if (name.empty() || name.find_first_not_of(allowed) != std::string::npos || name[0] == '.')
    throw Fatal{fmt::format("\"{}\" is no name of a service", name)};
}

std::string own_program(const std::string& name) {
  const auto usual = "/usr/bin/" + name;
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error);
  // The name decides the paths: a symbolic link must stay one.
  if (fs::equivalent(usual, self, error) && !error) return usual;
  return self.string();
}

void check_users(const InstallOptions& options, const Context& context) {
  for (const auto& user : {options.user, options.init_user})
    if (!user.empty() && ::getpwnam(user.c_str()) == nullptr)
      throw Fatal{fmt::format("there is no user \"{}\"", user)};
  if (options.control.user_service || context.identity.uid != 0) return;
  if (!options.user.empty() && !options.init_user.empty())
    throw Fatal{"Only one of --user and --init-user may be given"};
  if (options.user.empty() && options.init_user.empty())
    throw Fatal{
        fmt::format("Please specify user that will run {} service", options.control.service)};
}

UnitOptions unit_of(const InstallOptions& options, const Context& context) {
  UnitOptions unit;
  unit.name = options.control.service;
  unit.program = own_program(context.identity.program);
  unit.config_file = fs::absolute(options.config_path).string();
  if (!options.init_user.empty() && !options.config_given)
    if (const auto* entry = ::getpwnam(options.init_user.c_str()))
      unit.config_file = std::string{entry->pw_dir} + "/config.toml";
  unit.working_directory =
      options.working_directory.empty() ? fs::current_path().string() : options.working_directory;
  unit.user = options.user;
  unit.init_user = options.init_user;
  unit.user_service = options.control.user_service;
  unit.hardened = options.harden;
  return unit;
}

int install(const Context& context, InstallOptions options, const CLI::App& command) {
  options.config_given = command.count("--config") > 0;
  check_name(options.control.service);
  check_users(options, context);
  const auto unit = unit_of(options, context);
  const auto text = unit_text(unit);
  if (options.print) return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0;
  const auto path = unit_path(options.control, context.identity);
  if (fs::exists(path)) throw Fatal{fmt::format("Init already exists: {}", path.string())};
  config::create_config(unit.config_file);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (!(std::ofstream{path} << text).flush())
    throw Fatal{fmt::format("cannot write {}: {}", path.string(), std::strerror(errno))};
  ::chmod(path.c_str(), 0644);
  if (options.syslog) spdlog::info("systemd collects the log; --syslog is not needed");
  systemctl(options.control, {"daemon-reload"});
  systemctl(options.control, {"enable", options.control.service + ".service"});
  spdlog::info("Installed {}", path.string());
  return 0;
}

int uninstall(const Context& context, const ControlOptions& options) {
  check_name(options.service);
  const auto path = unit_path(options, context.identity);
  if (!fs::exists(path))
    throw Fatal{fmt::format("{}: the service is not installed ({} is missing)", options.service,
                            path.string())};
  systemctl(options, {"disable", options.service + ".service"});
  fs::remove(path);
  systemctl(options, {"daemon-reload"});
  spdlog::info("Removed {}", path.string());
  return 0;
}

void add_control_options(CLI::App& command, const Context& context, ControlOptions& options) {
  options.service = context.identity.program == "gitlab-runner" ? "gitlab-runner" : "slipway";
  command.add_option("-n,--service", options.service, "Name of the service")->capture_default_str();
  command.add_flag("--user-service", options.user_service, "A service of this user's own");
}

void add_verb(CLI::App& command, const Context& context, Action& action, std::string verb) {
  const auto options = std::make_shared<ControlOptions>();  // shared with the action
  add_control_options(command, context, *options);
  command.callback([options, &action, verb = std::move(verb)] {
    action = [options, verb] {
      check_name(options->service);
      systemctl(*options, {verb, options->service + ".service"});
      return 0;
    };
  });
}

}  // namespace

void add_install_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<InstallOptions>();  // shared with the action
  add_control_options(command, context, options->control);
  add_config_option(command, context, options->config_path);
  command.add_option("-d,--working-directory", options->working_directory,
                     "Directory that the daemon works in; default: this one");
  command.add_option("-u,--user", options->user, "User that jobs of the shell executor run as");
  command.add_option("-i,--init-user", options->init_user, "User that the daemon runs as");
  command.add_flag("--syslog", options->syslog, "Accepted: systemd collects the log");
  command.add_flag("--harden", options->harden,
                   "Keep the daemon from most of the host; not for the shell executor");
  command.add_flag("--print", options->print, "Print the unit and change nothing");
  command.callback([options, &context, &action, &command] {
    action = [options, &context, &command] { return install(context, *options, command); };
  });
}

void add_uninstall_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<ControlOptions>();  // shared with the action
  add_control_options(command, context, *options);
  command.callback([options, &context, &action] {
    action = [options, &context] { return uninstall(context, *options); };
  });
}

void add_start_command(CLI::App& command, const Context& context, Action& action) {
  add_verb(command, context, action, "start");
}

/// The unit drains: running jobs finish first.
void add_stop_command(CLI::App& command, const Context& context, Action& action) {
  add_verb(command, context, action, "stop");
}

void add_restart_command(CLI::App& command, const Context& context, Action& action) {
  add_verb(command, context, action, "restart");
}

}  // namespace slipway::cmd
