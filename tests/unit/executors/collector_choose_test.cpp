#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/executors/collector_scene.hpp"

namespace slipway::executors::docker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Extent = Watermarks::Extent;

/// Ten caches of 3 GB, from ten days ago to yesterday.
Scene ten_caches(std::uint64_t used_gb) {
  Scene scene;
  for (int i = 0; i < 10; ++i)
    scene.add(volume(fmt::format("v{}", i), "cache", 3 * gb), 24h * (10 - i));
  scene.inventory.disk = disk(used_gb);
  return scene;
}

TEST(Choose, FromHighToLow) {
  struct Case {
    std::uint64_t used_gb;
    std::size_t victims;
  };
  // Of 3 GB each; high 85, low 75.
  const Case cases[] = {{10, 0}, {76, 0}, {85, 0}, {86, 4}, {90, 5}, {93, 6}, {99, 8}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.used_gb);
    const auto scene = ten_caches(c.used_gb);
    const auto chosen = scene.chosen();
    ASSERT_THAT(chosen, SizeIs(c.victims));
    for (std::size_t i = 0; i < chosen.size(); ++i) EXPECT_EQ(chosen[i], fmt::format("v{}", i));
  }
}

TEST(Choose, ByAmounts) {
  auto scene = ten_caches(60);
  scene.marks.high = config::DiskLevel::amount(50 * gb);
  scene.marks.low = config::DiskLevel::amount(45 * gb);
  EXPECT_THAT(scene.chosen(), SizeIs(5));
  scene.marks.high = config::DiskLevel::amount(500 * gb);
  EXPECT_THAT(scene.chosen(), IsEmpty()) << "more than the disk has";
  scene.inventory.disk = disk(99);
  EXPECT_THAT(scene.chosen(), SizeIs(10)) << "but the floor holds";
}

TEST(Choose, NothingWhenSwitchedOff) {
  auto scene = ten_caches(99);
  scene.marks.high = {};
  scene.marks.low = {};
  EXPECT_THAT(scene.chosen(), IsEmpty());
  scene.marks.extent = Extent::to_low;
  EXPECT_THAT(scene.chosen(), IsEmpty());
}

TEST(Choose, BelowTheFloorEvenUnderHigh) {
  auto scene = ten_caches(80);
  scene.marks.floor = config::DiskLevel::amount(24 * gb);
  // 24 GB are wanted, 30 with the margin: low would be 25.
  EXPECT_THAT(scene.chosen(), SizeIs(4));
  scene.marks.floor = config::DiskLevel::share(24);
  EXPECT_THAT(scene.chosen(), SizeIs(4));
  scene.marks.floor = config::DiskLevel{};
  EXPECT_THAT(scene.chosen(), IsEmpty());
}

TEST(Choose, UnknownSizesAreTriedAFewAtATime) {
  auto scene = ten_caches(90);
  for (auto& details : scene.inventory.volumes) details.size = -1;
  EXPECT_THAT(scene.chosen(), ElementsAre("v0", "v1", "v2"));
}

TEST(Choose, InodesCountToo) {
  auto scene = ten_caches(40);
  scene.inventory.disk->inodes_used = 90;
  scene.inventory.disk->inodes_free = 10;
  EXPECT_THAT(scene.chosen(), ElementsAre("v0", "v1", "v2"));
  scene.inventory.disk->inodes_used = 80;
  scene.inventory.disk->inodes_free = 20;
  EXPECT_THAT(scene.chosen(), IsEmpty());
}

TEST(Choose, WhatWasUsedRecentlyStaysUnlessItIsUrgent) {
  Scene scene;
  scene.add(volume("old", "cache", 1 * gb), 48h)
      .add(volume("recent", "cache", 2 * gb), 50min)
      .add(volume("just now", "cache", 2 * gb), 1min);
  scene.inventory.disk = disk(90);
  EXPECT_THAT(scene.chosen(), ElementsAre("old"));
  scene.inventory.disk = disk(94);  // less than half of the 15 GB above high
  EXPECT_THAT(scene.chosen(), ElementsAre("old", "recent", "just now"));
  scene.inventory.disk = disk(94);
  scene.inventory.volumes[0].size = 8 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre("old", "recent")) << "only until below high";
  scene.inventory.volumes[0].size = 30 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre("old"));
  scene.marks.extent = Extent::to_low;
  scene.inventory.volumes[0].size = 1 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre("old")) << "never by hand";
}

TEST(Choose, ExtentsOfTheCommand) {
  auto scene = ten_caches(80);
  scene.add(volume("recent", "cache", gb), 59min);
  EXPECT_THAT(scene.chosen(), IsEmpty());
  scene.marks.extent = Extent::to_low;
  EXPECT_THAT(scene.chosen(), SizeIs(2));
  scene.marks.extent = Extent::everything;
  EXPECT_THAT(scene.chosen(), SizeIs(10));
  scene.inventory.disk.reset();
  EXPECT_THAT(scene.chosen(), SizeIs(10)) << "a remote Engine";
  scene.marks.extent = Extent::to_low;
  EXPECT_THAT(scene.chosen(), IsEmpty());
}

TEST(Choose, KeepsToTheBudgetOfARemoteEngine) {
  auto scene = ten_caches(0);
  scene.inventory.disk.reset();
  scene.marks.budget = 30 * gb;
  EXPECT_THAT(scene.chosen(), IsEmpty());
  scene.marks.budget = 28 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre("v0", "v1")) << "down to nine tenths";
  scene.inventory.held = {"v0"};
  EXPECT_THAT(scene.chosen(), ElementsAre("v1", "v2")) << "what is in use counts";
  scene.inventory.volumes.push_back(volume("huge", "job", 900 * gb));
  EXPECT_THAT(scene.chosen(), SizeIs(2)) << "what is no cache does not";
}

TEST(Choose, TheBudgetCountsOnALocalEngineToo) {
  auto scene = ten_caches(50);
  scene.marks.budget = 20 * gb;
  EXPECT_THAT(scene.chosen(), SizeIs(4));
}

TEST(Choose, TheHotImageSurvives) {
  Scene scene;
  for (int i = 0; i < 100; ++i)
    scene.add(image(fmt::format("sha256:{}", i), {fmt::format("i{}:1", i)}, gb / 2),
              2h + 1min * (100 - i));
  scene.add(image("sha256:hot", {"hot:1"}, gb / 2), 5min);
  scene.inventory.disk = disk(92);
  const auto chosen = scene.chosen();
  EXPECT_THAT(chosen, SizeIs(34));
  EXPECT_THAT(chosen, testing::Not(testing::Contains("sha256:hot")));
  EXPECT_EQ(chosen.front(), "sha256:0");
}

/// Recent use does not spare a layer cache that is beyond its own limit, a job does.
TEST(Choose, LayerCachesHaveALimitOfTheirOwn) {
  Scene scene;
  scene.inventory.disk = disk(10);
  scene.add(volume("cache", "cache", 50 * gb), 24h)
      .add(volume(slot_a + "-layers-1", "layers", 8 * gb), 5h)
      .add(volume(slot_b + "-layers-1", "layers", 8 * gb), 2min)
      .add(volume("c-layers", "layers", 8 * gb), 1min)
      .add(volume("d-layers", "layers"), 24h);
  EXPECT_THAT(scene.chosen(), IsEmpty());
  scene.marks.layer_budget = 24 * gb;
  EXPECT_THAT(scene.chosen(), IsEmpty());
  scene.marks.layer_budget = 23 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre(slot_a + "-layers-1"));
  scene.marks.layer_budget = 1 * gb;
  EXPECT_THAT(scene.chosen(), ElementsAre(slot_a + "-layers-1", slot_b + "-layers-1", "c-layers"));
  // Others of its slot may go.
  scene.inventory.held = {slot_b + "-layers-2", slot_b + "-cache"};
  EXPECT_THAT(scene.chosen(), ElementsAre(slot_a + "-layers-1", slot_b + "-layers-1", "c-layers"));
  scene.inventory.held = {slot_b + "-layers-1"};
  EXPECT_THAT(scene.chosen(), ElementsAre(slot_a + "-layers-1", "c-layers"));
  // What has to go anyway counts.
  scene.marks.layer_budget = 10 * gb;
  scene.marks.extent = Extent::everything;
  EXPECT_THAT(scene.chosen(), ElementsAre("cache", "d-layers", slot_a + "-layers-1"));
}

}  // namespace
}  // namespace slipway::executors::docker
