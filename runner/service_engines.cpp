// The Engines of the runners, each with what looks after it.

#include <fmt/format.h>

#include <algorithm>

#include "runner/engine_disk.hpp"
#include "runner/executors_of.hpp"
#include "runner/service.hpp"

namespace slipway::runner {

namespace {
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
  if (!uses_engine(runner) || !runner.docker) return nullptr;
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

}  // namespace slipway::runner
