// The Engines of the runners, each with what looks after it, and the executors on them.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "executors/docker/docker_executor.hpp"
#include "runner/engine_disk.hpp"
#include "runner/service.hpp"

namespace slipway::runner {

namespace {
std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string key_of(const config::Docker& docker) {
  return fmt::format("{}|{}|{}", docker.host, docker.tls_verify, docker.tls_cert_path);
}

/// What the layer caches on one Engine may take: as much as one of its runners allows.
std::uint64_t layer_budget(const config::Config& config, const std::string& engine) {
  std::uint64_t budget = 0;
  for (const auto& runner : config.runners) {
    if (!runner.docker || key_of(*runner.docker) != engine) continue;
    const auto& dind = runner.docker->dind;
    if (dind.layer_cache == config::Dind::LayerCache::off) continue;
    if (dind.layer_cache_size == 0) return 0;
    budget = std::max(budget, dind.layer_cache_size);
  }
  return budget;
}
}  // namespace

Service::EngineInUse* Service::known_engine(const config::Runner& runner) {
  const auto known = engines_.find(key_of(*runner.docker));
  return known == engines_.end() ? nullptr : &known->second;
}

executors::docker::Engine& Service::engine_for(const config::Runner& runner) {
  return *engine_in_use(runner).engine;
}

Service::EngineInUse& Service::engine_in_use(const config::Runner& runner) {
  const auto& docker = *runner.docker;
  if (auto* const known = known_engine(runner)) return *known;
  const auto key = key_of(docker);
  try {
    return make_engine(engines_[key], docker);
  } catch (const std::exception&) {
    engines_.erase(key);
    throw;
  }
}

Service::EngineInUse& Service::make_engine(EngineInUse& in_use, const config::Docker& docker) {
  executors::docker::Engine::Settings settings;
  settings.host = docker.host;
  settings.tls_verify = docker.tls_verify;
  settings.tls_cert_path = docker.tls_cert_path;
  settings.helper_binary = options_.helper_binary;
  settings.helper_image_archive = options_.helper_image_archive;
  settings.helper_image_name = options_.helper_image_name;
  settings.state_id = state_.id();
  settings.usage = &usage_;
  settings.disk_full = [&in_use] { in_use.disk->look_soon(); };
  settings.adopt_timeout = options_.config.slipway.adopt_timeout;
  in_use.engine = std::make_unique<executors::docker::Engine>(executor_, std::move(settings));
  auto& engine = *in_use.engine;

  executors::docker::Sweeper::Settings sweeping;
  sweeping.state_id = state_.id();
  sweeping.live_jobs = [this] { return live_jobs(); };
  sweeping.busy_containers = [&engine] { return engine.helper_volume().carriers(); };
  in_use.sweeper =
      std::make_unique<executors::docker::Sweeper>(engine.client(), reaper_, std::move(sweeping));

  DiskWatch::Settings watching;
  watching.engine = engine.host();
  watching.marks = executors::docker::Watermarks::of(options_.config.slipway);
  watching.marks.layer_budget = layer_budget(options_.config, key_of(docker));
  auto disk = std::make_unique<EngineDisk>(engine, engine.in_use(), usage_, state_.id(),
                                           options_.helper_image_name);
  in_use.disk =
      std::make_unique<DiskWatch>(executor_, std::move(disk), std::move(watching), [this] {
        status_file_.changed();
        room_.notify_all();
      });
  return in_use;
}

JobRun::Settings Service::job_settings(const ActiveJob& active, job::Job job) {
  JobRun::Settings settings;
  settings.job = std::move(job);
  settings.runner = active.runner;
  settings.system_id = options_.system_id;
  settings.hostname = host_name();
  settings.on_change = [this] { status_file_.changed(); };
  settings.on_removed = [this] { room_.notify_all(); };
  settings.user_agent = fmt::format("slipway {} linux/amd64", options_.version);
  settings.program = fmt::format("slipway {} ({})", options_.version, options_.revision);
  const auto calls = std::make_shared<std::uint64_t>(0);  // owners: the two functions below
  settings.make_executor =
      [this, &active, calls](ExecutorRequest request) -> std::unique_ptr<executors::Executor> {
    executors::docker::PlanContext context;
    context.system_id = options_.system_id;
    context.state_id = state_.id();
    context.job_key = request.job_key;
    context.version = options_.version;
    context.revision = options_.revision;
    context.random = request.execution;
    context.slot = active.numbers.global;
    context.project_slot = active.numbers.project;
    context.tls_ca = active.gitlab->ca_content();
    context.tls_certificate = active.gitlab->certificate_content();
    context.tls_key = util::Secret{active.gitlab->key_content()};
    context.job_timeout = request.timeout;
    context.side_by_side = options_.config.concurrent > 1 && active.runner.limit != 1;
    context.homes = {executors::docker::home_directory()};
    auto plan = executors::docker::make_plan(request.job, active.runner, context);
    auto& engine = engine_for(active.runner);
    if (*calls == 0) *calls = engine.client().calls();
    return std::make_unique<executors::docker::DockerExecutor>(
        engine, std::move(plan), request.log, reaper_, std::move(request.checkpoint));
  };
  settings.counters.engine_calls = [this, &active, calls] {
    return engine_for(active.runner).client().calls() - *calls;
  };
  return settings;
}

}  // namespace slipway::runner
