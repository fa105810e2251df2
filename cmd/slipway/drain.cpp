#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/service_commands.hpp"
#include "cmd/slipway/state_location.hpp"
#include "config/load.hpp"
#include "runner/status.hpp"
#include "runner/status_file.hpp"

namespace slipway::cmd {

namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto look_interval = 200ms;
constexpr auto news_interval = 60s;

struct DrainOptions {
  std::string config_path;
  bool no_wait = false;
  int timeout = 0;
};

/// A process that a status file names may be long gone, and its number somebody else's.
bool holds(int pid, const fs::path& lock) {
  std::error_code none;
  for (const auto& entry :
       fs::directory_iterator{fs::path{"/proc"} / std::to_string(pid) / "fd", none})
    if (fs::read_symlink(entry.path(), none) == lock) return true;
  return false;
}

runner::Status read_status(const fs::path& directory) {
  std::ifstream file{directory / runner::StatusFile::file_name, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return text.empty() ? runner::Status{} : runner::parse_status(text);
}

void wait_for_end(const fs::path& directory, int timeout) {
  const auto start = std::chrono::steady_clock::now();
  auto told = start;
  while (daemon_state(directory) == DaemonState::running) {
    const auto now = std::chrono::steady_clock::now();
    if (timeout > 0 && now - start > std::chrono::seconds{timeout})
      throw Fatal{fmt::format("{} jobs still run after {} s; the daemon ends when they have",
                              read_status(directory).jobs.size(), timeout)};
    if (now - told > news_interval) {
      spdlog::info("Waiting for running jobs builds={}", read_status(directory).jobs.size());
      told = now;
    }
    std::this_thread::sleep_for(look_interval);
  }
}

int drain(const Context& context, const DrainOptions& options) {
  const auto path = fs::absolute(options.config_path);
  const auto directory = state_location(config::load(path.string()), context.paths, path);
  if (daemon_state(directory) != DaemonState::running) {
    spdlog::info("No daemon runs with the state directory {}", directory.string());
    return 0;
  }
  const auto status = read_status(directory);
  const int pid = static_cast<int>(status.pid);
  const auto lock = fs::weakly_canonical(directory / "lock");
  if (pid <= 0 || !holds(pid, lock))
    throw Fatal{
        fmt::format("cannot tell which process serves {}; ask as the user that runs the service",
                    directory.string())};
  if (::kill(pid, SIGQUIT) != 0)
    throw Fatal{fmt::format("cannot signal process {}: {}", pid, std::strerror(errno))};
  spdlog::info("The daemon takes no more jobs and ends when the running ones have pid={} builds={}",
               pid, status.jobs.size());
  if (options.no_wait) return 0;
  wait_for_end(directory, options.timeout);
  spdlog::info("The daemon has ended");
  return 0;
}

}  // namespace

void add_drain_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<DrainOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_flag("--no-wait", options->no_wait, "Return at once");
  command
      .add_option("--timeout", options->timeout,
                  "Seconds to wait for the end; then fail, and let the daemon go on draining")
      ->check(CLI::NonNegativeNumber);
  command.callback([options, &context, &action] {
    action = [options, &context] { return drain(context, *options); };
  });
}

}  // namespace slipway::cmd
