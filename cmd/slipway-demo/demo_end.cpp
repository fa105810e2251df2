// How a demo ends: the summary, and the removal of what an interrupted one left.
#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "cmd/slipway-demo/demo.hpp"
#include "util/async.hpp"

namespace slipway::demo {

namespace {

using namespace std::chrono_literals;

constexpr auto abort_limit = 60s;  // of the daemon: it reports the job and takes containers down
constexpr auto tasks_limit = 10s;
constexpr auto removal_limit = 60s;

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string left_behind(const Objects& objects) {
  if (objects.clean()) return "nothing: no container, no network, no volume of the job";
  std::vector<std::string> names = objects.containers;
  names.insert(names.end(), objects.networks.begin(), objects.networks.end());
  names.insert(names.end(), objects.volumes.begin(), objects.volumes.end());
  return fmt::format("{}, {}, {}: {}",
                     counted(objects.containers.size(), "container", "containers"),
                     counted(objects.networks.size(), "network", "networks"),
                     counted(objects.volumes.size(), "volume", "volumes"), join(names));
}

std::string phases_text(const Figures& figures) {
  std::string text = figures.duration;
  for (const auto& [name, time] : figures.phases)
    text += fmt::format("{} {} {}", text.size() == figures.duration.size() ? ":" : ",", name, time);
  return text;
}

/// Awaits `work` within `limit`; what goes wrong is told, not thrown: the next step comes anyway.
asio::awaitable<bool> attempt(const Screen* screen, asio::awaitable<void> work,
                              std::chrono::milliseconds limit) {
  std::string problem;
  try {
    co_await util::with_timeout(std::move(work), limit);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) screen->error("while cleaning up: " + problem);
  co_return problem.empty();
}

}  // namespace

asio::awaitable<std::string> Demo::kept_images(std::int64_t id) {
  const auto payload = nlohmann::json::parse(coordinator_->job(id).payload);
  std::set<std::string> names;
  names.insert(payload.at("image").at("name").get<std::string>());
  for (const auto& service : payload.at("services"))
    names.insert(service.at("name").get<std::string>());
  const std::string helper = "slipway-helper:" SLIPWAY_VERSION;
  names.insert(helper);
  std::vector<std::string> there;
  for (const auto& name : names) {
    const bool exists = co_await image_exists(name);
    const bool imported = name == helper && !helper_image_was_there_;
    if (exists) there.push_back(imported ? name + " (imported now)" : name);
  }
  co_return join(there);
}

asio::awaitable<void> Demo::sum_up(std::int64_t id) {
  const auto& job = coordinator_->job(id);
  const auto state = state_id();
  std::ifstream file{daemon_log(), std::ios::binary};
  const std::string log{std::istreambuf_iterator<char>{file}, {}};
  const auto figures = find_figures(log, id);
  auto objects = co_await find_objects(*engine_, state, record_.volumes(state));
  const auto images = co_await kept_images(id);
  // Their names hold a digest of the runner's token, which goes with the demo: no one could use
  // them.
  Objects caches;
  caches.caches = objects.caches;
  co_await remove_objects(*engine_, caches);

  screen_.line("");
  screen_.step("summary");
  std::string result{local::to_string(job.state)};
  if (!job.failure_reason.empty()) result += ": " + job.failure_reason;
  if (job.exit_code && *job.exit_code != 0) result += fmt::format(", exit code {}", *job.exit_code);
  screen_.row("job", result);
  if (figures) screen_.row("time", phases_text(*figures));
  auto starts = fmt::format("{} started", record_.starts(state));
  if (figures && figures->starts != record_.starts(state))
    starts += fmt::format(" (slipway counted {})", figures->starts);
  screen_.row("containers", starts);
  if (figures) screen_.row("Engine calls", std::to_string(figures->engine_calls));
  screen_.row("left behind", left_behind(objects));
  if (!objects.caches.empty())
    screen_.row("removed",
                fmt::format("{} of this runner, whose token ends with the demo",
                            counted(objects.caches.size(), "cache volume", "cache volumes")));
  if (!objects.helper_volumes.empty())
    screen_.row("kept",
                "volume " + join(objects.helper_volumes) + " (slipway's agent, for every job)");
  screen_.row(objects.helper_volumes.empty() ? "kept" : "", "images " + images);
  good_ = job.state == local::JobState::success && objects.clean() && figures.has_value();
  if (job.wrong_checksums > 0) {
    screen_.row("log", "the coordinator's copy has another checksum than the runner's");
    good_ = false;
  }
}

asio::awaitable<void> Demo::remove_rest() {
  const auto state = state_id();
  if (state.empty()) co_return;
  auto objects = co_await find_objects(*engine_, state, record_.volumes(state));
  const auto count = objects.containers.size() + objects.networks.size() + objects.volumes.size() +
                     objects.caches.size();
  if (count == 0) co_return;
  co_await remove_objects(*engine_, objects);
  screen_.step(
      fmt::format("removed from the Engine: {}, {}, {}",
                  counted(objects.containers.size(), "container", "containers"),
                  counted(objects.networks.size(), "network", "networks"),
                  counted(objects.volumes.size() + objects.caches.size(), "volume", "volumes")));
}

asio::awaitable<bool> Demo::clean_up() {
  if (daemon_ && !daemon_->poll()) {
    screen_.step("ending slipway run");
    co_await daemon_->end(SIGTERM, abort_limit);
  }
  auto stopping = stop_tasks();
  const bool stopped = co_await attempt(&screen_, std::move(stopping), tasks_limit);
  log_.close();
  auto removal = remove_rest();
  const bool removed = co_await attempt(&screen_, std::move(removal), removal_limit);
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  if (error)
    screen_.error(fmt::format("cannot remove {}: {}", directory_.string(), error.message()));
  co_return stopped&& removed && !error;
}

}  // namespace slipway::demo
