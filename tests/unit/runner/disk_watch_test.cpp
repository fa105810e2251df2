#include "runner/disk_watch.hpp"

#include <gmock/gmock.h>

#include <boost/asio/this_coro.hpp>
#include <stdexcept>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using executors::docker::Collected;
using executors::docker::DiskSpace;
using executors::docker::Watermarks;

constexpr std::uint64_t gb = 1'000'000'000;

/// What the test decides and sees.
struct Disk {
  std::optional<std::uint64_t> used_gb = 10;  ///< of 100; nullopt = remote
  std::uint64_t others_gb = 10;               ///< what no collection frees
  bool reachable = true;
  bool collecting_fails = false;
  int measured = 0;
  int collected = 0;
  int forgotten = 0;
};

class FakeDisk : public WatchedDisk {
 public:
  explicit FakeDisk(Disk& disk) : disk_{disk} {}

  asio::awaitable<std::optional<DiskSpace>> measure() override {
    ++disk_.measured;
    if (!disk_.reachable) throw std::runtime_error{"connection refused"};
    if (!disk_.used_gb) co_return std::nullopt;
    DiskSpace space;
    space.path = "/data";
    space.used = *disk_.used_gb * gb;
    space.free = (100 - *disk_.used_gb) * gb;
    co_return space;
  }
  asio::awaitable<Collected> collect(Watermarks marks) override {
    ++disk_.collected;
    if (disk_.collecting_fails) throw std::runtime_error{"timeout"};
    Collected result;
    if (disk_.used_gb) {
      const auto low = marks.low.of(100 * gb) / gb;
      const auto left = std::max(std::min(low, *disk_.used_gb), disk_.others_gb);
      result.removed = *disk_.used_gb - left;
      result.freed = result.removed * gb;
      disk_.used_gb = left;
      result.exhausted = left > low;
    }
    co_await util::sleep_for(1ms);
    co_return result;
  }
  asio::awaitable<void> forget_vanished() override {
    ++disk_.forgotten;
    co_return;
  }

 private:
  Disk& disk_;
};

DiskWatch::Settings quick() {
  DiskWatch::Settings settings;
  settings.engine = "unix:///test.sock";
  settings.interval = 5ms;
  settings.paused_interval = 5ms;
  settings.exhausted_pause = 1h;
  settings.budget_interval = 1h;
  return settings;
}

/// Runs a watch while `test` changes the disk.
using Test = asio::awaitable<void> (*)(Disk&, DiskWatch&, int& changes);

void with_watch(DiskWatch::Settings settings, Disk disk, Test test) {
  const auto body = [&]() {
    return [](DiskWatch::Settings chosen, Disk state, Test run) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      int changes = 0;
      auto fake = std::make_unique<FakeDisk>(state);
      std::function<void()> changed = [&changes] { ++changes; };
      DiskWatch watch{executor, std::move(fake), std::move(chosen), std::move(changed)};
      util::TaskGroup tasks{executor};
      tasks.start(watch.run());
      co_await run(state, watch, changes);
      tasks.cancel();
      co_await tasks.join();
    }(settings, disk, test);
  };
  tests::run_test(body);
}

/// Waits for `counter`, on a busy machine longer.
asio::awaitable<void> reaches(const int& counter, int least) {
  for (int i = 0; i < 5000 && counter < least; ++i) co_await util::sleep_for(1ms);
  EXPECT_GE(counter, least);
}

TEST(DiskWatch, LeavesAnEmptyDiskAlone) {
  with_watch(quick(), {}, [](Disk& disk, DiskWatch& watch, int& changes) -> asio::awaitable<void> {
    co_await reaches(disk.measured, 3);
    EXPECT_EQ(disk.collected, 0);
    EXPECT_EQ(disk.forgotten, 1) << "once an hour";
    EXPECT_TRUE(watch.room());
    EXPECT_EQ(changes, 0);
  });
}

TEST(DiskWatch, CollectsFromHighToLowOnce) {
  Disk disk;
  disk.used_gb = 90;
  with_watch(quick(), disk,
             [](Disk& state, DiskWatch& watch, int& changes) -> asio::awaitable<void> {
               co_await util::sleep_for(60ms);
               EXPECT_EQ(state.collected, 1);
               EXPECT_EQ(state.used_gb, 75u);
               EXPECT_EQ(watch.figures().removed, 15u);
               EXPECT_EQ(watch.figures().freed, 15 * gb);
               EXPECT_EQ(changes, 0) << "there was room all the time";
               state.used_gb = 84;
               co_await util::sleep_for(60ms);
               EXPECT_EQ(state.collected, 1) << "below high";
               state.used_gb = 86;
               co_await util::sleep_for(60ms);
               EXPECT_EQ(state.collected, 2);
             });
}

TEST(DiskWatch, PausesBelowTheFloorUntilThereIsRoom) {
  auto settings = quick();
  settings.marks.floor = config::DiskLevel::share(4);
  Disk disk;
  disk.used_gb = 97;
  disk.others_gb = 97;
  with_watch(settings, disk,
             [](Disk& state, DiskWatch& watch, int& changes) -> asio::awaitable<void> {
               co_await util::sleep_for(40ms);
               EXPECT_FALSE(watch.room());
               EXPECT_EQ(changes, 1);
               EXPECT_EQ(watch.figures().pauses, 1u);
               state.used_gb = 96;  // 4 GB are free: the floor, but not more
               co_await util::sleep_for(40ms);
               EXPECT_FALSE(watch.room());
               state.used_gb = 95;
               co_await util::sleep_for(40ms);
               EXPECT_TRUE(watch.room());
               EXPECT_EQ(changes, 2);
               state.used_gb = 96;
               co_await util::sleep_for(40ms);
               EXPECT_TRUE(watch.room()) << "the floor itself is enough to go on";
               EXPECT_EQ(watch.figures().pauses, 1u);
             });
}

TEST(DiskWatch, MakesRoomItself) {
  Disk disk;
  disk.used_gb = 100;
  with_watch(quick(), disk,
             [](Disk& state, DiskWatch& watch, int& changes) -> asio::awaitable<void> {
               co_await util::sleep_for(40ms);
               EXPECT_EQ(state.used_gb, 75u);
               EXPECT_TRUE(watch.room());
               EXPECT_EQ(changes, 2) << "none, then some again";
             });
}

TEST(DiskWatch, DoesNotTryInVainAllTheTime) {
  Disk disk;
  disk.used_gb = 95;
  disk.others_gb = 93;
  with_watch(quick(), disk, [](Disk& state, DiskWatch& watch, int&) -> asio::awaitable<void> {
    co_await util::sleep_for(60ms);
    EXPECT_EQ(state.collected, 1);
    EXPECT_EQ(state.used_gb, 93u);
    state.used_gb = 80;
    co_await util::sleep_for(40ms);
    state.used_gb = 90;
    state.others_gb = 10;
    co_await util::sleep_for(40ms);
    EXPECT_EQ(state.collected, 2) << "it had been below high meanwhile";
    EXPECT_TRUE(watch.room());
  });
}

TEST(DiskWatch, NothingIsCollectedOrPausedWhenSwitchedOff) {
  auto settings = quick();
  settings.marks.high = {};
  settings.marks.low = {};
  settings.marks.floor = config::DiskLevel{};
  Disk disk;
  disk.used_gb = 100;
  with_watch(settings, disk,
             [](Disk& state, DiskWatch& watch, int& changes) -> asio::awaitable<void> {
               co_await util::sleep_for(40ms);
               EXPECT_EQ(state.collected, 0);
               EXPECT_TRUE(watch.room());
               EXPECT_EQ(changes, 0);
             });
}

TEST(DiskWatch, SurvivesAnEngineThatDoesNotAnswer) {
  Disk disk;
  disk.reachable = false;
  with_watch(quick(), disk, [](Disk& state, DiskWatch& watch, int&) -> asio::awaitable<void> {
    co_await reaches(state.measured, 2);
    EXPECT_TRUE(watch.room()) << "nothing speaks against a job";
    state.reachable = true;
    state.used_gb = 90;
    state.collecting_fails = true;
    co_await reaches(state.collected, 2);
    state.collecting_fails = false;
    const int before = state.collected;
    co_await reaches(state.collected, before + 1);
    // Its outcome is there a moment later.
    co_await util::sleep_for(2ms);
    EXPECT_EQ(state.used_gb, 75u);
  });
}

TEST(DiskWatch, ARemoteEngineHasItsBudgetOnly) {
  auto settings = quick();
  settings.marks.budget = gb;
  settings.budget_interval = 20ms;
  Disk disk;
  disk.used_gb = std::nullopt;
  with_watch(settings, disk, [](Disk& state, DiskWatch& watch, int&) -> asio::awaitable<void> {
    co_await util::sleep_for(80ms);
    EXPECT_EQ(state.collected, 1) << "nothing was added since";
    watch.look_soon();
    co_await util::sleep_for(80ms);
    EXPECT_EQ(state.collected, 2);
    EXPECT_TRUE(watch.room());
  });
}

TEST(DiskWatch, LooksSoonWhenAsked) {
  auto settings = quick();
  settings.interval = 1h;
  with_watch(settings, {}, [](Disk& disk, DiskWatch& watch, int&) -> asio::awaitable<void> {
    co_await util::sleep_for(20ms);
    EXPECT_EQ(disk.measured, 1);
    disk.used_gb = 90;
    for (int i = 0; i < 100; ++i) watch.look_soon();
    co_await util::sleep_for(1300ms);
    EXPECT_EQ(disk.collected, 1);
    EXPECT_EQ(disk.measured, 3) << "before and after the collection, not a hundred times";
  });
}

}  // namespace
}  // namespace slipway::runner
