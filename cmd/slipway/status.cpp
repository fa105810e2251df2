#include "runner/status.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/state_location.hpp"
#include "cmd/slipway/status_text.hpp"
#include "config/load.hpp"
#include "runner/status_file.hpp"

namespace slipway::cmd {

namespace {

constexpr std::size_t most_bytes = 8u << 20;

struct StatusOptions {
  std::string config_path;
  std::string service;
  bool json = false;
};

/// The file's text; "" when there is none. \throws std::runtime_error.
std::string read_status(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return "";
  if (error)
    throw std::runtime_error{fmt::format("cannot read {}: {}", path.string(), error.message())};
  if (size > most_bytes)
    throw std::runtime_error{fmt::format("{} is too long to be a status", path.string())};
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

int status(const Context& context, const StatusOptions& options) {
  const auto path = std::filesystem::absolute(options.config_path);
  const auto config = config::load(path.string());
  const auto directory = state_location(config, context.paths, path);
  const auto daemon = daemon_state(directory);
  const bool running = daemon == DaemonState::running;
  // As GitLab Runner: good news to standard output, the rest to standard error.
  auto* out = running ? stdout : stderr;
  const auto file = directory / runner::StatusFile::file_name;
  const auto text = read_status(file);
  if (options.json) {
    fmt::print(stdout, "{}", text.empty() ? "{}\n" : text);
    return running ? 0 : 1;
  }
  fmt::print(out, "{}: {}\n", options.service,
             running                            ? "Service is running"
             : daemon == DaemonState::never_ran ? "Service has stopped (it never ran here)"
                                                : "Service has stopped");
  fmt::print(out, "state directory: {}\n", directory.string());
  if (text.empty()) return running ? 0 : 1;
  std::error_code ignored;
  const auto age = std::filesystem::file_time_type::clock::now() -
                   std::filesystem::last_write_time(file, ignored);
  StatusView view;
  view.now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  view.age = std::chrono::duration_cast<std::chrono::seconds>(age);
  view.running = running;
  try {
    fmt::print(out, "{}", status_text(runner::parse_status(text), view));
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "{} cannot be shown: {}\n", file.string(), error.what());
  }
  return running ? 0 : 1;
}

}  // namespace

void add_status_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<StatusOptions>();  // shared with the action
  options->service = context.identity.program == "gitlab-runner" ? "gitlab-runner" : "slipway";
  add_config_option(command, context, options->config_path);
  command.add_option("-n,--service", options->service, "Name of the service")
      ->capture_default_str();
  command.add_flag("--json", options->json, "Print the daemon's status.json as it is");
  command.callback([options, &context, &action] {
    action = [options, &context] { return status(context, *options); };
  });
}

}  // namespace slipway::cmd
