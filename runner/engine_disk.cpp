#include "runner/engine_disk.hpp"

#include <spdlog/spdlog.h>

namespace slipway::runner {

using executors::docker::Collected;
using executors::docker::Collector;
using executors::docker::DiskSpace;
using executors::docker::Victim;

EngineDisk::EngineDisk(executors::docker::Engine& engine, executors::docker::InUse& in_use,
                       UsageStore& usage, std::string state_id, std::string helper_image)
    : engine_{engine},
      in_use_{in_use},
      usage_{usage},
      state_id_{std::move(state_id)},
      helper_image_{std::move(helper_image)} {}

/// An Engine may come back with another data root.
asio::awaitable<void> EngineDisk::connect() {
  co_await engine_.connect();
  const auto& info = engine_.info();
  if (collector_ && id_ == info.id) co_return;
  id_ = info.id;
  Collector::Settings settings;
  settings.state_id = state_id_;
  settings.helper_volume = engine_.helper_volume().name();
  settings.helper_image = helper_image_;
  settings.roots = executors::docker::local_data_roots(engine_.host(), info);
  settings.usage = [this] { return usage_.usage(id_); };
  settings.now = [this] { return usage_.now(); };
  settings.removed = [](const Victim& victim) {
    spdlog::info("disk collector: removed, {} object={}", victim.reason, victim.id);
  };
  collector_.emplace(engine_.client(), in_use_, std::move(settings));
}

asio::awaitable<std::optional<DiskSpace>> EngineDisk::measure() {
  co_await connect();
  co_return collector_->measure();
}

asio::awaitable<Collected> EngineDisk::collect(executors::docker::Watermarks marks) {
  co_await connect();
  const auto result = co_await collector_->collect(marks);
  co_await forget_vanished();
  co_return result;
}

asio::awaitable<void> EngineDisk::forget_vanished() {
  co_await connect();
  const auto looked = usage_.now();
  const auto inventory = co_await collector_->look(Collector::Sizes::skipped);
  std::set<std::string> images;
  std::set<std::string> volumes;
  for (const auto& image : inventory.images) images.insert(image.id);
  for (const auto& volume : inventory.volumes) volumes.insert(volume.name);
  usage_.keep_only(id_, images, volumes, looked);
}

}  // namespace slipway::runner
