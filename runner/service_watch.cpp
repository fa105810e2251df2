// What the service manager is told of the daemon.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "runner/service.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_pause = 10s;
/// Longer than any request for a job may take, with its repetitions.
constexpr std::chrono::milliseconds longest_poll = 10min;
}  // namespace

/// READY once, then the status, and as long as all is well `WATCHDOG=1`, until cancelled.
asio::awaitable<void> Service::tell_manager() {
  const auto& manager = options_.manager;
  manager.tell("READY=1\nSTATUS=" + manager_status());
  const auto limit = manager.watchdog();
  const auto pause = limit > 0ms ? std::min(longest_pause, limit / 3) : longest_pause;
  auto told = manager_status();
  while (true) {
    if (limit > 0ms) {
      const bool well = co_await is_well();
      if (well) manager.tell("WATCHDOG=1");
    }
    if (auto now = manager_status(); now != told) {
      manager.tell("STATUS=" + now);
      told = std::move(now);
    }
    co_await util::sleep_for(pause);
  }
}

/// A poll that makes progress and a ping that comes back, be it with an error: an Engine or a
/// GitLab that is away is no reason to start this process anew, one of its own that hangs is.
asio::awaitable<bool> Service::is_well() {
  for (const auto& poller : pollers_)
    if (!draining_ && poller.stuck(longest_poll)) {
      spdlog::error("the requests for jobs of a runner hang; the watchdog is not fed runner={}",
                    poller.runner().name);
      co_return false;
    }
  const auto ping = [](executors::docker::Engine* engine) -> asio::awaitable<void> {
    const bool answers = co_await engine->answers(/*ask=*/true);
    if (!answers) spdlog::debug("the Engine does not answer host={}", engine->host());
  };
  std::vector<asio::awaitable<void>> pings;
  for (auto& [host, in_use] : engines_) pings.push_back(ping(in_use.engine.get()));
  co_await util::run_all(std::move(pings));
  co_return true;
}

std::string Service::manager_status() const {
  return fmt::format("{}: {} jobs, {} runners", process_state(), jobs_.size(), pollers_.size());
}

}  // namespace slipway::runner
