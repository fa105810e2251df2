#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <optional>

#include "helper/artifacts/upload.hpp"
#include "helper/commands/command_line.hpp"
#include "helper/commands/commands.hpp"
#include "helper/log.hpp"

namespace slipway::helper {

namespace {

using Kind = Option::Kind;

constexpr std::array global_options{
    Option{"debug", Kind::flag, "RUNNER_DEBUG"},
    Option{"log-level", Kind::value, "LOG_LEVEL", 'l'},
    Option{"log-format", Kind::value, "LOG_FORMAT"},
    Option{"version", Kind::flag, "", 'v'},
};

struct Command {
  std::string_view name;
  int (*run)(Words words);  ///< nullptr: GitLab Runner's helper has it, this one does not
};

constexpr std::array commands{
    Command{"artifacts-uploader", artifacts_uploader_command},
    Command{"artifacts-downloader", artifacts_downloader_command},
    Command{"cache-archiver", cache_archiver_command},
    Command{"cache-extractor", cache_extractor_command},
    Command{"cache-init", cache_init_command},
    Command{"health-check", health_check_command},
    Command{"read-logs", read_logs_command},
    Command{"proxy-exec", nullptr},
    Command{"steps", nullptr},
};

const Command* find(std::string_view name) {
  for (const auto& command : commands)
    if (command.name == name) return &command;
  return nullptr;
}

int fail(const std::string& text) {
  log(LogLevel::fatal, text);
  return 1;
}

int run(const Command& command, Words words) {
  if (command.run == nullptr)
    return fail(fmt::format("{} is not supported by slipway-helper", command.name));
  try {
    return command.run(words);
  } catch (const UsageError& error) {
    return fail(fmt::format("{}: {}", command.name, error.what()));
  } catch (const std::exception& error) {
    return fail(fmt::format("{}: {}", command.name, error.what()));
  }
}

}  // namespace

bool is_helper_command_line(Words words) {
  return !words.empty() && (words[0].starts_with('-') || find(words[0]) != nullptr);
}

int run_command_line(Words words) {
  try {
    const CommandLine line{global_options, words, environment_lookup()};
    set_log_format(line.text("log-format"));
    set_log_level(line.flag("debug") ? "debug" : line.text("log-level"));
    if (line.flag("version")) return std::puts("slipway-helper " SLIPWAY_VERSION) < 0;
    const auto& rest = line.rest();
    if (rest.empty()) return fail("no command was given");
    const auto* command = find(rest[0]);
    if (command == nullptr) return fail(fmt::format("Command {} not found.", rest[0]));
    return run(*command, Words{rest}.subspan(1));
  } catch (const UsageError& error) {
    return fail(error.what());
  }
}

}  // namespace slipway::helper
