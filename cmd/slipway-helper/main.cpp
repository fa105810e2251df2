#include <netdb.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "helper/agent/agent.hpp"
#include "helper/commands/commands.hpp"
#include "helper/stage.hpp"

// glibc, not declared in any header. A static program would otherwise load the image's own modules.
extern "C" int __nss_configure_lookup(const char* database, const char* services);

namespace {

using slipway::helper::AgentArguments;

constexpr int usage_error = 64;
constexpr std::size_t max_parameters = 64 << 20;

int usage() {
  std::fputs(
      "usage: slipway-helper probe\n"
      "       slipway-helper agent --mark HEX [--adopt-timeout SECONDS] [--umask OCTAL] [--host]\n"
      "       slipway-helper stage NAME   (parameters as JSON on stdin)\n"
      "       slipway-helper [--log-level LEVEL] [--log-format FORMAT] COMMAND [OPTION…]\n"
      "         (artifacts-uploader, artifacts-downloader, cache-archiver, cache-extractor,\n"
      "          cache-init, health-check, read-logs)\n"
      "       slipway-helper --version\n",
      stderr);
  return usage_error;
}

std::optional<unsigned> number(std::string_view text, int base) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<AgentArguments> agent_arguments(int argc, char** argv) {
  AgentArguments arguments;
  for (int i = 0; i < argc; i += 2) {
    const std::string_view name{argv[i]};
    if (name == "--host") {
      arguments.host = true;
      --i;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value{argv[i + 1]};
    if (name == "--mark") {
      arguments.mark = value;
    } else if (name == "--adopt-timeout") {
      const auto seconds = number(value, 10);
      if (!seconds) return std::nullopt;
      arguments.adopt_timeout = std::chrono::seconds{*seconds};
    } else if (name == "--umask") {
      arguments.umask = number(value, 8);
      if (!arguments.umask || *arguments.umask > 0777) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

int stage(std::string_view name) {
  std::string parameters;
  char buffer[16384];
  for (;;) {
    const auto got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    parameters.append(buffer, static_cast<std::size_t>(got));
    if (parameters.size() > max_parameters) {
      std::fputs("slipway-helper: the stage's parameters are too long\n", stderr);
      return usage_error;
    }
  }
  return slipway::helper::run_native_stage(name, std::move(parameters));
}

int run(int argc, char** argv) {
  const std::string_view command{argc > 1 ? argv[1] : ""};
  if (command == "probe" && argc == 2) return slipway::helper::agent_can_run() ? 0 : 1;
  if (command == "stage" && argc == 3) return stage(argv[2]);
  if (command == "agent") {
    const auto arguments = agent_arguments(argc - 2, argv + 2);
    return arguments ? slipway::helper::run_agent(*arguments) : usage();
  }
  const std::vector<std::string> words{argv + 1, argv + argc};
  if (slipway::helper::is_helper_command_line(words))
    return slipway::helper::run_command_line(words);
  return usage();
}

}  // namespace

int main(int argc, char** argv) {
  __nss_configure_lookup("hosts", "files dns");
  for (const auto* database : {"passwd", "group", "services", "protocols", "networks"})
    __nss_configure_lookup(database, "files");
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "slipway-helper: %s\n", error.what());
    return 1;
  }
}
