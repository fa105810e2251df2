#include "runner/disk_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "util/async.hpp"

namespace slipway::runner {

namespace {
using namespace std::chrono_literals;
using executors::docker::DiskSpace;

/// Jobs may end by the dozen.
constexpr std::chrono::milliseconds shortest_pause = 1s;
constexpr auto forgetting_interval = 1h;
}  // namespace

DiskWatch::DiskWatch(asio::any_io_executor executor, std::unique_ptr<WatchedDisk> disk,
                     Settings settings, std::function<void()> room_changed)
    : disk_{std::move(disk)},
      settings_{std::move(settings)},
      room_changed_{std::move(room_changed)},
      wake_{std::move(executor)} {}

void DiskWatch::look_soon() {
  asked_ = true;
  changed_ = true;
  wake_.notify_all();
}

asio::awaitable<void> DiskWatch::run() {
  while (true) {
    co_await look();
    co_await pause();
  }
}

asio::awaitable<void> DiskWatch::pause() {
  const auto interval = room_ ? settings_.interval : settings_.paused_interval;
  co_await util::sleep_for(std::min(interval, shortest_pause));
  if (!asked_) {
    try {
      auto waking = wake_.wait();
      co_await util::with_timeout(std::move(waking), interval);
    } catch (const util::TimeoutError&) {
      // As usual.
    }
  }
  asked_ = false;
}

asio::awaitable<void> DiskWatch::look() {
  try {
    co_await act();
    unreachable_ = false;
  } catch (const boost::system::system_error&) {
    throw;
  } catch (const std::exception& error) {
    // The jobs say it loudly enough.
    if (!unreachable_)
      spdlog::debug("the disk of the Engine cannot be looked at: {} engine={}", error.what(),
                    settings_.engine);
    unreachable_ = true;
  }
}

asio::awaitable<void> DiskWatch::act() {
  const auto disk = co_await disk_->measure();
  if (disk) judge(*disk);
  const bool full = disk && executors::docker::needs_room(*disk, settings_.marks);
  const auto now = Clock::now();
  if (!full) {
    exhausted_told_ = false;
    next_collection_ = {};
  }
  if ((full && now >= next_collection_) || budget_due()) {
    co_await collect();
  } else if (now >= next_forgetting_) {
    next_forgetting_ = now + forgetting_interval;
    co_await disk_->forget_vanished();
  }
}

bool DiskWatch::budget_due() const {
  const bool limited = settings_.marks.budget > 0 || settings_.marks.layer_budget > 0;
  return limited && changed_ && Clock::now() >= next_budget_;
}

asio::awaitable<void> DiskWatch::collect() {
  changed_ = false;
  next_budget_ = Clock::now() + settings_.budget_interval;
  const auto result = co_await disk_->collect(settings_.marks);
  figures_.removed += result.removed;
  figures_.freed += result.freed;
  figures_.failures += result.failed;
  const auto disk = co_await disk_->measure();
  const auto state = disk ? ", " + disk->text() : "";
  if (result.removed > 0)
    spdlog::info("disk collector: {} objects removed, {} freed{} engine={}", result.removed,
                 config::format_bytes(result.freed), state, settings_.engine);
  if (result.exhausted) {
    next_collection_ = Clock::now() + settings_.exhausted_pause;
    if (!exhausted_told_)
      spdlog::warn(
          "disk collector: nothing of slipway's jobs is left to remove, and the disk is still too "
          "full{}; what takes it belongs to others (`docker system df`) engine={}",
          state, settings_.engine);
    exhausted_told_ = true;
  }
  if (disk) judge(*disk);
}

void DiskWatch::judge(const DiskSpace& disk) {
  seen_ = disk;
  const auto& floor = settings_.marks.floor;
  const bool enough =
      !executors::docker::below_floor(disk, floor, room_ ? 1 : executors::docker::floor_margin);
  if (enough == room_) return;
  room_ = enough;
  if (room_) {
    spdlog::info("the disk of the Engine has room again, taking jobs: {} engine={}", disk.text(),
                 settings_.engine);
  } else {
    ++figures_.pauses;
    spdlog::warn(
        "the disk of the Engine is full, no jobs are taken until there is room: {}, at least {} "
        "must be free (disk_floor in [slipway]) engine={}",
        disk.text(), config::format_bytes(executors::docker::floor_bytes(disk, floor)),
        settings_.engine);
  }
  if (room_changed_) room_changed_();
}

}  // namespace slipway::runner
