#include "cmd/slipway/program.hpp"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/completion.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/go_style.hpp"
#include "cmd/slipway/help.hpp"
#include "cmd/slipway/helper_command.hpp"
#include "cmd/slipway/logging.hpp"
#include "cmd/slipway/service_commands.hpp"
#include "cmd/slipway/version.hpp"

namespace slipway::cmd {

namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  void (*add)(CLI::App&, const Context&, Action&);
  bool takes_words = false;  ///< names besides flags, in any order
  bool quiet = false;        ///< the program's own log begins at `warn`: it is not a service
};

constexpr std::array commands{
    Command{"register", "Add a runner to the configuration", add_register_command},
    Command{"run", "Take jobs and run them until stopped", add_run_command},
    Command{"run-single", "Run the jobs of one runner, without a service", add_run_single_command},
    Command{"exec", "Run the pipeline of the repository here, without GitLab", add_exec_command,
            /*takes_words=*/true, /*quiet=*/true},
    Command{"list", "List the configured runners", add_list_command},
    Command{"lint", "Check the configuration file", add_lint_command},
    Command{"status", "Say whether the daemon runs, and what it is about", add_status_command},
    Command{"verify", "Ask GitLab whether the configured runners are still valid",
            add_verify_command},
    Command{"reset-token", "Replace the tokens of runners by new ones", add_reset_token_command},
    Command{"gc", "Remove what jobs have left on the disks of the Engines", add_gc_command},
    Command{"unregister", "Remove runners from GitLab and from the configuration",
            add_unregister_command},
    Command{"drain", "Take no more jobs; the daemon ends when the running ones have",
            add_drain_command},
    Command{"install", "Make a service of the daemon", add_install_command},
    Command{"uninstall", "Remove that service", add_uninstall_command},
    Command{"start", "Start the service", add_start_command},
    Command{"stop", "Stop the service when its running jobs have ended", add_stop_command},
    Command{"restart", "Stop the service, then start it", add_restart_command},
};

struct GlobalOptions {
  LogOptions log;
  std::string cpu_profile;
  bool version = false;
};

void add_global_options(CLI::App& app, GlobalOptions& global) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("--debug", global.log.debug, "Log at level debug")->envname("RUNNER_DEBUG");
  app.add_option("-l,--log-level", global.log.level,
                 "Least level that is logged: panic fatal error warn info debug trace")
      ->envname("LOG_LEVEL");
  app.add_option("--log-format", global.log.format, "Shape of the log: runner text json")
      ->envname("LOG_FORMAT");
  app.add_option("--log-color", global.log.colour, "Colours in the log: auto always never");
  app.add_option("--cpuprofile", global.cpu_profile, "Accepted, has no effect")
      ->envname("CPU_PROFILE");
  app.add_flag("-v,--version", global.version, "Print the version");
}

/// A command line, read as far as possible: what fails half way still knows whose help to print.
class Program {
 public:
  explicit Program(const Context& context)
      : context_{context}, app_{"Runs GitLab CI jobs in containers", context.identity.program} {
    app_.set_help_flag("-h,--help", "Print help");
    add_global_options(app_, global_);
    for (const auto& command : commands)
      app_.add_subcommand(std::string{command.name}, std::string{command.summary});
  }

  int run(std::span<const std::string> words) {
    const auto global = read_go_style(app_, words);
    auto all = global.words;
    if (!global.rest.empty()) {
      const auto& name = global.rest[0];
      if (name == "help" || name == "h") {
        if (global.rest.size() > 1) select(global.rest[1]);
        return print_help();
      }
      if (name == "completion" || name == "man") return print_made(global.rest);
      if (is_helper_command(name)) exec_helper(global.rest);
      add_command_words(name, global.rest.subspan(1), all);
    }
    if (!parse(std::move(all))) return print_help();
    if (global_.version) return std::fputs(version_text().c_str(), stdout) < 0 ? 1 : 0;
    if (!action_) return print_help();
    if (quiet_ && global_.log.level.empty() && !global_.log.debug) global_.log.level = "warn";
    set_up_logging(global_.log);
    log_startup();
    return action_();
  }

  std::string help() const {
    const auto& program = context_.identity.program;
    return selected_ ? command_help(*selected_, program) : program_help(app_, program);
  }

 private:
  /// Only the command that runs gets its flags: environment variables of others do not matter.
  void select(const std::string& name) {
    const auto found = std::ranges::find(commands, name, &Command::name);
    if (found == commands.end()) throw Fatal{fmt::format("Command {} not found.", name)};
    selected_ = app_.get_subcommand(name);
    takes_words_ = found->takes_words;
    quiet_ = found->quiet;
    found->add(*selected_, context_, action_);
  }

  void add_command_words(const std::string& name, std::span<const std::string> words,
                         std::vector<std::string>& all) {
    select(name);
    all.push_back(name);
    std::vector<std::string> names;
    while (!words.empty()) {
      const auto own = read_go_style(*selected_, words);
      all.insert(all.end(), own.words.begin(), own.words.end());
      if (!own.rest.empty() && !takes_words_)
        throw UsageError{fmt::format("unexpected argument \"{}\"", own.rest[0].substr(0, 64))};
      const auto read = words.size() - own.rest.size();
      const bool flags_ended = read > 0 && words[read - 1] == "--";
      const auto taken = flags_ended ? own.rest.size() : std::min<std::size_t>(own.rest.size(), 1);
      names.insert(names.end(), own.rest.begin(), own.rest.begin() + static_cast<long>(taken));
      words = own.rest.subspan(taken);
    }
    if (names.empty()) return;
    all.emplace_back("--");
    all.insert(all.end(), names.begin(), names.end());
  }

  /// Returns false when help was asked for.
  bool parse(std::vector<std::string> words) {
    std::ranges::reverse(words);
    try {
      app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
      return false;
    } catch (const CLI::ParseError& error) {
      throw UsageError{error.what()};
    }
    return true;
  }

  /// `completion SHELL`, `man [COMMAND]`: made of all commands with their flags.
  int print_made(std::span<const std::string> words) {
    if (words.size() > 2)
      throw UsageError{fmt::format("unexpected argument \"{}\"", words[2].substr(0, 64))};
    for (const auto& command : commands)
      command.add(*app_.get_subcommand(std::string{command.name}), context_, action_);
    // The name of the machine that makes a page is nobody else's default.
    app_.get_subcommand("register")->get_option("--name")->default_str("");
    const auto& program = context_.identity.program;
    if (words[0] == "completion") {
      if (words.size() < 2) throw UsageError{"for which shell? bash, zsh, fish"};
      return print(completion_script(app_, program, words[1]));
    }
    const CLI::App* page = nullptr;
    if (words.size() == 2) {
      const auto known = std::ranges::find(commands, words[1], &Command::name);
      if (known == commands.end()) throw Fatal{fmt::format("Command {} not found.", words[1])};
      page = app_.get_subcommand(words[1]);
    }
    return print(man_page(app_, program, page));
  }

  static int print(const std::string& text) { return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0; }

  int print_help() const { return std::fputs(help().c_str(), stdout) < 0 ? 1 : 0; }

  const Context& context_;
  GlobalOptions global_;
  CLI::App app_;
  CLI::App* selected_ = nullptr;
  bool takes_words_ = false;
  bool quiet_ = false;
  Action action_;
};

void ensure_home(const config::Identity& identity) {
  const auto* home = std::getenv("HOME");
  if ((home == nullptr || *home == '\0') && !identity.home.empty())
    ::setenv("HOME", identity.home.c_str(), /*overwrite=*/1);
}

int run_reporting(Program& program, std::span<const std::string> words) {
  try {
    return program.run(words);
  } catch (const UsageError& error) {
    fmt::print(stdout, "Incorrect Usage: {}\n\n{}", error.what(), program.help());
    std::fflush(stdout);
    log_fatal(error.what(), /*panic=*/false);
  } catch (const Fatal& error) {
    log_fatal(error.what(), error.word() == Fatal::Word::panic);
  } catch (const std::exception& error) {
    log_fatal(error.what(), /*panic=*/false);
  }
  return 1;
}

}  // namespace

int run_program(int argc, char** argv) {
  set_up_logging({});
  const auto identity = config::Identity::current(argc > 0 ? argv[0] : "slipway");
  ensure_home(identity);
  const Context context{identity, config::default_paths(identity)};
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  Program program{context};
  return run_reporting(program, words);
}

}  // namespace slipway::cmd
