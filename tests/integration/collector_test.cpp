// What the disk collector takes from a real Engine, and what it leaves: field fault B21.

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "runner/engine_disk.hpp"
#include "runner/state_dir.hpp"
#include "runner/usage_store.hpp"
#include "tests/integration/collector_fixture.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using docker_api::Client;
using executors::docker::Collector;
using executors::docker::InUse;
using executors::docker::Watermarks;
using testing::HasSubstr;

Watermarks everything() {
  Watermarks marks;
  marks.extent = Watermarks::Extent::everything;
  return marks;
}

TEST_F(DiskCollector, B21_TakesWhatIsOursAndNothingElse) {
  run([this](Client& engine) {
    return [](Client& client, DiskCollector& self) -> asio::awaitable<void> {
      InUse in_use{co_await asio::this_coro::executor};
      auto settings = self.settings();
      std::vector<std::string> reasons;
      settings.removed = [&](const executors::docker::Victim& victim) {
        reasons.push_back(victim.reason);
      };
      Collector collector{client, in_use, std::move(settings)};
      const auto marks = everything();
      const auto collected = co_await collector.collect(marks);
      EXPECT_EQ(collected.removed, 4u);
      EXPECT_EQ(collected.failed, 0u);
      EXPECT_THAT(reasons, testing::Each(HasSubstr("not used for 10 days; ")));
      EXPECT_THAT(reasons, testing::Contains(HasSubstr("B; cache volume of project 7")));
      co_await expect_only_ours_gone(client);
      const auto again = co_await collector.collect(marks);
      EXPECT_EQ(again.removed, 0u);
    }(engine, *this);
  });
}

TEST_F(DiskCollector, WhatAJobHoldsStays) {
  run([this](Client& engine) {
    return [](Client& client, DiskCollector& self) -> asio::awaitable<void> {
      InUse in_use{co_await asio::this_coro::executor};
      std::vector<std::string> names{"slipway-test-cache", "slipway-test-ours:1"};
      auto hold = co_await in_use.hold(std::move(names));
      Collector collector{client, in_use, self.settings()};
      const auto marks = everything();
      auto collected = co_await collector.collect(marks);
      EXPECT_EQ(collected.removed, 2u) << "layers and the old helper volume";
      auto images = co_await test_images(client);
      EXPECT_THAT(images, testing::Contains("slipway-test-ours:1"));
      hold.release();
      collected = co_await collector.collect(marks);
      EXPECT_EQ(collected.removed, 2u);
      co_await expect_only_ours_gone(client);
    }(engine, *this);
  });
}

TEST_F(DiskCollector, ANameThatIsAnothersByNowStays) {
  run([this](Client& engine) {
    return [](Client& client, DiskCollector& self) -> asio::awaitable<void> {
      InUse in_use{co_await asio::this_coro::executor};
      auto settings = self.settings();
      // Between looking and removing somebody builds an image of that name.
      const auto stale = self.usage;
      bool replaced = false;
      std::function<void()> replace = [&] {
        if (!replaced) tag_image("slipway-test-theirs:1", "slipway-test-ours");
        replaced = true;
      };
      settings.usage = [&] {
        replace();
        return stale;
      };
      Collector collector{client, in_use, std::move(settings)};
      const auto marks = everything();
      co_await collector.collect(marks);
      const auto ours = co_await client.inspect_image("slipway-test-ours:1");
      const auto theirs = co_await client.inspect_image("slipway-test-theirs:1");
      EXPECT_EQ(ours.id, theirs.id);
    }(engine, *this);
  });
}

/// What the daemon's watch uses.
TEST_F(DiskCollector, EngineDiskMeasuresAndForgets) {
  run([this](Client& engine) {
    return [](Client& client, DiskCollector& self) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      const auto file =
          std::filesystem::temp_directory_path() / ("slipway-usage-" + runner::random_hex(4));
      runner::UsageStore usage{executor, file};
      usage.used_volume(self.engine_id, "slipway-test-cache");
      usage.used_volume(self.engine_id, "slipway-test-gone");
      usage.pulled(self.engine_id, "gone:1", "sha256:gone", false);
      executors::docker::Engine::Settings settings;
      settings.host = "unix://" + engine_socket();
      const char* bin = std::getenv("SLIPWAY_BIN_DIR");
      settings.helper_binary = std::string{bin == nullptr ? "." : bin} + "/slipway-helper";
      settings.state_id = self.state;
      executors::docker::Engine shared{executor, std::move(settings)};
      InUse in_use{executor};
      runner::EngineDisk disk{shared, in_use, usage, self.state, "slipway-helper:1"};
      const auto info = co_await client.info();
      const auto space = co_await disk.measure();
      EXPECT_EQ(space.value().path, info.root_dir);
      EXPECT_GT(space.value().total(), 0u);
      co_await util::sleep_for(std::chrono::milliseconds{1100});  // the store counts in seconds
      co_await disk.forget_vanished();
      const auto known = usage.usage(self.engine_id);
      EXPECT_THAT(known.images, testing::IsEmpty());
      EXPECT_TRUE(known.volumes.contains("slipway-test-cache"));
      EXPECT_FALSE(known.volumes.contains("slipway-test-gone"));
      // Everything was used just now, and the disk is not full.
      Watermarks marks;
      marks.high = config::DiskLevel::share(99.9);
      const auto collected = co_await disk.collect(marks);
      EXPECT_EQ(collected.removed, 0u);
      std::filesystem::remove(file);
    }(engine, *this);
  });
}

}  // namespace
}  // namespace slipway::tests
