// The configuration read again while jobs run.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "config/file_watch.hpp"
#include "runner/runnable.hpp"
#include "runner/service.hpp"
#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;

/// Two looks see a change, so it is in force within GitLab Runner's 3 s.
constexpr std::chrono::milliseconds look_interval = 1s;

const config::Runner* find_runner(const std::vector<config::Runner>& runners,
                                  const config::Runner& runner) {
  const auto found = std::ranges::find_if(runners, [&](const config::Runner& one) {
    return one.token == runner.token && one.url == runner.url;
  });
  return found == runners.end() ? nullptr : &*found;
}
}  // namespace

/// Until cancelled. Every problem is told once, and leaves the configuration as it is.
asio::awaitable<void> Service::watch_config() {
  config::FileWatch watch{options_.config.path};
  while (true) {
    co_await util::sleep_for(look_interval);
    forget_retired();
    const auto news = watch.look();
    const bool asked = std::exchange(reload_asked_, false);
    if (draining_) continue;
    if (news != config::FileWatch::News::none) watch.accept();
    if (news == config::FileWatch::News::gone)
      spdlog::error("{} is gone; the configuration that was loaded last stays in force",
                    options_.config.path);
    if (asked || news == config::FileWatch::News::changed) co_await reload(asked);
  }
}

asio::awaitable<void> Service::reload(bool asked) {
  // It holds pollers and may be about to replace a token, here and in the file: that ends first.
  rotating_.cancel();
  co_await rotating_.join();
  if (draining_) co_return;
  if (auto fresh = read_config(asked)) {
    options_.manager.tell("RELOADING=1");
    metrics_.config_loaded(true);
    if (options_.on_loaded) options_.on_loaded(*fresh);
    use_config(std::move(*fresh));
    rotation_.needed();
    spdlog::info("Configuration loaded runners={} concurrent={}", pollers_.size(),
                 options_.config.concurrent);
    options_.manager.tell("READY=1");
    status_file_.changed();
    room_.notify_all();
  }
  rotating_.start(rotation_.run());
}

/// nullopt: it cannot be used, which is logged, or says nothing new.
std::optional<config::Config> Service::read_config(bool asked) {
  try {
    auto fresh = options_.load_config();
    check_runnable(fresh);
    // What this process wrote itself it knows already.
    if (!asked && fresh.text == options_.config.text) return std::nullopt;
    return fresh;
  } catch (const std::exception& error) {
    metrics_.config_loaded(false);
    spdlog::error(
        "Failed to load config: {}; the configuration that was loaded last stays in force",
        error.what());
  }
  return std::nullopt;
}

void Service::use_config(config::Config fresh) {
  tell_of_restarts(fresh);
  // What is in use stays what the configuration says.
  const auto before = std::exchange(options_.config, std::move(fresh));
  auto& now = options_.config;
  now.listen_address = before.listen_address;
  const auto on_stop = now.slipway.on_stop;
  now.slipway = before.slipway;
  now.slipway.on_stop = on_stop;
  for (const auto& [runner, change] : rotation_.unstored())
    for (auto& one : now.runners)
      if (one.token == runner.token && one.url == runner.url) {
        one.token = change.token;
        one.token_obtained_at = change.obtained_at;
        one.token_expires_at = change.expires_at;
      }
  std::vector<config::Runner> usable;
  for (const auto& runner : now.runners)
    if (is_usable(runner) && has_engine(runner)) usable.push_back(runner);
  const bool same_age = now.connection_max_age == before.connection_max_age;
  for (auto poller = pollers_.begin(); poller != pollers_.end();) {
    const auto current = poller++;
    const auto* kept = find_runner(usable, current->runner());
    if (kept && same_age && same_client(*kept, current->runner())) {
      current->use_settings(*kept, now.check_interval);
      continue;
    }
    spdlog::info("{} runner={}",
                 kept ? "the runner has changed; its running jobs keep their settings"
                      : "the runner takes no jobs any more; its running jobs go on",
                 current->runner().name);
    current->retire(config_text(before, current->runner()));
    retired_.splice(retired_.end(), pollers_, current);
  }
  add_pollers(usable);
}

/// For the runners that have none.
void Service::add_pollers(const std::vector<config::Runner>& runners) {
  for (const auto& runner : runners) {
    const bool there = std::ranges::any_of(pollers_, [&](const Poller& poller) {
      return poller.runner().token == runner.token && poller.runner().url == runner.url;
    });
    if (there) continue;
    spdlog::info("the runner takes jobs from now on runner={}", runner.name);
    pollers_.emplace_back(executor_, *this, runner, client_options(runner),
                          options_.config.check_interval);
    polling_.start(pollers_.back().run());
  }
  for (auto& [host, in_use] : engines_)
    if (!std::exchange(in_use.watched, true)) helpers_.start(in_use.disk->run());
}

/// Their jobs call the coordinator through them.
void Service::forget_retired() {
  std::erase_if(retired_, [this](Poller& poller) {
    const bool needed = std::ranges::any_of(
        jobs_, [&](const ActiveJob& job) { return job.gitlab == &poller.gitlab(); });
    return poller.ended() && !needed;
  });
}

/// Keys whose change this process cannot follow.
void Service::tell_of_restarts(const config::Config& fresh) const {
  const auto& now = options_.config;
  std::vector<std::string> keys;
  if (fresh.listen_address != now.listen_address) keys.emplace_back("listen_address");
  if (fresh.session_server.listen_address != now.session_server.listen_address)
    keys.emplace_back("[session_server]");
  const auto& a = fresh.slipway;
  const auto& b = now.slipway;
  if (a.state_dir != b.state_dir) keys.emplace_back("[slipway] state_dir");
  if (a.adopt_timeout != b.adopt_timeout) keys.emplace_back("[slipway] adopt_timeout");
  const bool same_disk = a.disk_high == b.disk_high && a.disk_low == b.disk_low &&
                         a.disk_floor == b.disk_floor && a.disk_budget == b.disk_budget;
  if (!same_disk) keys.emplace_back("[slipway] disk_*");
  if (!keys.empty())
    spdlog::warn("these changes take effect at the next start: {}", fmt::join(keys, ", "));
}

}  // namespace slipway::runner
