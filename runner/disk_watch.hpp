#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "executors/docker/collector.hpp"
#include "executors/docker/collector_run.hpp"
#include "util/asio_fwd.hpp"
#include "util/condition.hpp"

namespace slipway::runner {

/// The disk of one Engine, as DiskWatch sees it. Calls throw when the Engine does not answer.
class WatchedDisk {
 public:
  virtual ~WatchedDisk() = default;

  /// nullopt: the Engine is remote.
  virtual asio::awaitable<std::optional<executors::docker::DiskSpace>> measure() = 0;
  virtual asio::awaitable<executors::docker::Collected> collect(
      executors::docker::Watermarks marks) = 0;
  /// Drops what is recorded of objects that are gone.
  virtual asio::awaitable<void> forget_vanished() = 0;
};

/// Keeps the disk of one Engine from filling: looks at it every minute (one statvfs; the Engine is
/// asked only when something has to go), removes what jobs left, and says whether there is room for
/// jobs. A remote Engine's disk cannot be seen: there only `disk_budget` counts, and there is
/// always room. One per Engine, on the daemon's executor.
class DiskWatch {
 public:
  struct Settings {
    std::string engine;  ///< its address, for the log
    executors::docker::Watermarks marks;
    std::chrono::milliseconds interval = std::chrono::seconds{60};
    std::chrono::milliseconds paused_interval = std::chrono::seconds{5};  ///< without room
    /// Before another try, when all that may go is gone and the disk is still too full.
    std::chrono::milliseconds exhausted_pause = std::chrono::minutes{5};
    /// Between two sums for disk_budget and layer_cache_size, and only after look_soon().
    std::chrono::milliseconds budget_interval = std::chrono::minutes{10};
  };
  struct Figures {
    std::uint64_t removed = 0;  ///< objects
    std::uint64_t freed = 0;    ///< bytes
    std::uint64_t failures = 0;
    std::uint64_t pauses = 0;  ///< how often there was no room
  };

  /// \param room_changed  called whenever room() has changed.
  DiskWatch(asio::any_io_executor executor, std::unique_ptr<WatchedDisk> disk, Settings settings,
            std::function<void()> room_changed);

  /// Watches until cancelled. An Engine that does not answer is asked again next time.
  asio::awaitable<void> run();
  /// Looks within a second: a job has ended, or the Engine said that its disk is full.
  void look_soon();

  /// False while so little is free that the next job would fail.
  bool room() const { return room_; }
  const Figures& figures() const { return figures_; }
  /// As it was at the last look; nullopt: nothing is known.
  const std::optional<executors::docker::DiskSpace>& disk() const { return seen_; }

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<void> look();
  asio::awaitable<void> act();
  asio::awaitable<void> collect();
  asio::awaitable<void> pause();
  void judge(const executors::docker::DiskSpace& disk);
  bool budget_due() const;

  std::unique_ptr<WatchedDisk> disk_;
  Settings settings_;
  std::function<void()> room_changed_;
  util::Condition wake_;
  bool asked_ = false;   ///< look_soon()
  bool changed_ = true;  ///< something may have been added since the last sum
  bool room_ = true;
  std::optional<executors::docker::DiskSpace> seen_;
  bool unreachable_ = false;
  bool exhausted_told_ = false;
  Clock::time_point next_collection_{};
  Clock::time_point next_budget_{};
  Clock::time_point next_forgetting_{};
  Figures figures_;
};

}  // namespace slipway::runner
