#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/this_coro.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <tuple>

#include "cmd/slipway/commands.hpp"
#include "cmd/slipway/config_file.hpp"
#include "cmd/slipway/fatal.hpp"
#include "cmd/slipway/gc_text.hpp"
#include "cmd/slipway/state_location.hpp"
#include "cmd/slipway/version.hpp"
#include "executors/docker/engine.hpp"
#include "runner/usage_store.hpp"
#include "util/run.hpp"

namespace slipway::cmd {

namespace {

namespace fs = std::filesystem;
using executors::docker::Collector;
using executors::docker::Engine;
using executors::docker::Usage;
using executors::docker::Victim;
using executors::docker::Watermarks;

struct GcOptions {
  std::string config_path;
  bool dry_run = false;
  bool all = false;
};

/// One run of the command, on all Engines of the file.
struct Task {
  GcOptions options;
  fs::path usage_file;
  std::string state_id;
  Watermarks marks;
  std::vector<Engine::Settings> engines;
  bool failed = false;
};

Usage::Time now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// What the daemon has written so far. Without it nothing may be taken for unused.
Usage known_usage(const fs::path& file, const std::string& engine) {
  if (auto usage = runner::UsageStore::read(file, engine)) return *usage;
  Usage nothing;
  nothing.since = now();
  return nothing;
}

std::string read_state_id(const fs::path& state_dir) {
  std::string id;
  std::ifstream{state_dir / "id"} >> id;
  if (id.empty())
    throw Fatal{fmt::format(
        "{} is not the state directory of a daemon that ran, or may not be read; call this as the "
        "user of the service, with its configuration",
        state_dir.string())};
  return id;
}

std::string helper_binary() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Fatal{"cannot find this program's own directory: /proc is not mounted"};
  return (program.parent_path() / "slipway-helper").string();
}

/// One for each Engine that a runner of the file uses.
std::vector<Engine::Settings> engines_of(const config::Config& config,
                                         const std::string& state_id) {
  std::set<std::tuple<std::string, bool, std::string>> seen;
  std::vector<Engine::Settings> list;
  for (const auto& runner : config.runners) {
    if (!runner.docker) continue;
    const auto& docker = *runner.docker;
    if (!seen.emplace(docker.host, docker.tls_verify, docker.tls_cert_path).second) continue;
    Engine::Settings settings;
    settings.host = docker.host;
    settings.tls_verify = docker.tls_verify;
    settings.tls_cert_path = docker.tls_cert_path;
    settings.helper_binary = helper_binary();
    settings.helper_image_name = "slipway-helper:" + version();
    settings.state_id = state_id;
    list.push_back(std::move(settings));
  }
  return list;
}

asio::awaitable<void> show_plan(Collector& collector, Usage usage, Watermarks marks) {
  const auto inventory = co_await collector.look(Collector::Sizes::asked);
  const auto victims = executors::docker::choose(inventory, usage, marks);
  for (const auto& victim : victims) fmt::print("{}\n", victim_line(victim, /*dry_run=*/true));
  if (victims.empty())
    fmt::print("{}\n", nothing_text(inventory, marks,
                                    executors::docker::collectable(inventory, usage).size()));
  else
    fmt::print("{}\n", plan_summary(victims));
}

asio::awaitable<void> clean(Task& task, Engine& engine) {
  co_await engine.connect();
  const auto id = engine.info().id;
  executors::docker::InUse in_use{engine.executor()};
  Collector::Settings settings;
  settings.state_id = task.state_id;
  settings.helper_volume = engine.helper_volume().name();
  settings.helper_image = "slipway-helper:" + version();
  settings.roots = executors::docker::local_data_roots(engine.host(), engine.info());
  settings.usage = [&task, &id] { return known_usage(task.usage_file, id); };
  settings.now = now;
  settings.removed = [](const Victim& victim) {
    fmt::print("{}\n", victim_line(victim, /*dry_run=*/false));
  };
  Collector collector{engine.client(), in_use, std::move(settings)};
  const auto disk = collector.measure();
  fmt::print("Engine {}{}\n", engine.host(), disk ? ": " + disk->text() : "");
  if (!runner::UsageStore::read(task.usage_file, id))
    spdlog::warn("{} says nothing of this Engine: everything counts as used now",
                 task.usage_file.string());
  if (task.options.dry_run) {
    co_await show_plan(collector, known_usage(task.usage_file, id), task.marks);
    co_return;
  }
  const auto collected = co_await collector.collect(task.marks);
  if (collected.removed == 0 && collected.failed == 0)
    co_await show_plan(collector, known_usage(task.usage_file, id), task.marks);
  else
    fmt::print("{}\n", collected_summary(collected));
  task.failed = task.failed || collected.failed > 0;
}

asio::awaitable<void> clean_all(Task& task) {
  const auto executor = co_await asio::this_coro::executor;
  for (const auto& settings : task.engines) {
    try {
      Engine engine{executor, settings};
      co_await clean(task, engine);
    } catch (const std::exception& error) {
      spdlog::error("{}", error.what());
      task.failed = true;
    }
  }
}

int gc(const Context& context, const GcOptions& options) {
  const auto path = fs::absolute(options.config_path);
  const auto config = load_config(context, path.string());
  if (!config.exists) throw Fatal{fmt::format("config file not found: {}", path.string())};
  const auto state_dir = state_location(config, context.paths, path);
  Task task;
  task.options = options;
  task.usage_file = state_dir / "usage";
  task.state_id = read_state_id(state_dir);
  task.marks = Watermarks::of(config.slipway);
  task.marks.extent = options.all ? Watermarks::Extent::everything : Watermarks::Extent::to_low;
  task.engines = engines_of(config, task.state_id);
  if (task.engines.empty())
    throw Fatal{fmt::format("{} has no runner with [runners.docker]", path.string())};
  util::run_to_end(clean_all(task));
  return std::fflush(stdout) != 0 || task.failed ? 1 : 0;
}

}  // namespace

void add_gc_command(CLI::App& command, const Context& context, Action& action) {
  const auto options = std::make_shared<GcOptions>();  // shared with the action
  add_config_option(command, context, options->config_path);
  command.add_flag("--dry-run", options->dry_run, "Only print what would be removed, and why");
  command.add_flag("--all", options->all,
                   "Remove everything that is not in use, also below disk_low");
  command.callback([options, &context, &action] {
    action = [options, &context] { return gc(context, *options); };
  });
}

}  // namespace slipway::cmd
