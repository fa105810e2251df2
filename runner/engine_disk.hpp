#pragma once

#include <optional>
#include <string>

#include "executors/docker/collector_run.hpp"
#include "executors/docker/engine.hpp"
#include "runner/disk_watch.hpp"
#include "runner/usage_store.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::runner {

/// The disk of a real Engine. All three must outlive it.
class EngineDisk : public WatchedDisk {
 public:
  /// \param helper_image  this version's own: slipway-helper:<version>.
  EngineDisk(executors::docker::Engine& engine, executors::docker::InUse& in_use, UsageStore& usage,
             std::string state_id, std::string helper_image);

  asio::awaitable<std::optional<executors::docker::DiskSpace>> measure() override;
  asio::awaitable<executors::docker::Collected> collect(
      executors::docker::Watermarks marks) override;
  asio::awaitable<void> forget_vanished() override;

 private:
  asio::awaitable<void> connect();

  executors::docker::Engine& engine_;
  executors::docker::InUse& in_use_;
  UsageStore& usage_;
  std::string state_id_;
  std::string helper_image_;
  std::string id_;  ///< of the Engine, once it is known
  std::optional<executors::docker::Collector> collector_;
};

}  // namespace slipway::runner
