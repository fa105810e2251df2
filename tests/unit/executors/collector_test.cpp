#include "executors/docker/collector.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::executors::docker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = Victim::Kind;
using Extent = Watermarks::Extent;

constexpr std::uint64_t gb = 1'000'000'000;
constexpr Usage::Time now{1'800'000'000s};
constexpr auto state = "0123456789abcdef";
const std::string slot_a = "runner-" + std::string(32, 'a');
const std::string slot_b = "runner-" + std::string(32, 'b');

docker_api::VolumeDetails volume(std::string name, const char* purpose, std::int64_t size = -1) {
  docker_api::VolumeDetails details;
  details.name = std::move(name);
  details.size = size;
  details.labels = {{"io.slipway.state", state},
                    {"io.slipway.volume", purpose},
                    {"com.gitlab.gitlab-runner.project.id", "42"}};
  return details;
}

docker_api::ImageSummary image(std::string id, std::vector<std::string> tags,
                               std::int64_t size = 1'000'000) {
  docker_api::ImageSummary summary;
  summary.id = std::move(id);
  summary.repo_tags = std::move(tags);
  summary.size = size;
  return summary;
}

docker_api::ContainerSummary container(std::string image, std::string image_id,
                                       std::vector<std::string> volumes = {}) {
  docker_api::ContainerSummary summary;
  summary.id = "c";
  summary.state = "exited";
  summary.image = std::move(image);
  summary.image_id = std::move(image_id);
  summary.volumes = std::move(volumes);
  return summary;
}

/// A disk of 100 GB.
DiskSpace disk(std::uint64_t used_gb) {
  DiskSpace space;
  space.path = "/var/lib/docker";
  space.used = used_gb * gb;
  space.free = (100 - used_gb) * gb;
  return space;
}

struct Scene {
  Inventory inventory;
  Usage usage;
  Watermarks marks;

  Scene() {
    inventory.now = now;
    inventory.state_id = state;
    inventory.helper_volume = "slipway-helper-1111111111111111";
    inventory.helper_image = "slipway-helper:2.0";
    inventory.disk = disk(90);
    usage.since = now - 24h * 30;
  }
  Scene& add(docker_api::VolumeDetails details, std::chrono::seconds age) {
    usage.volumes[details.name] = now - age;
    inventory.volumes.push_back(std::move(details));
    return *this;
  }
  /// An image that jobs pulled by all its names.
  Scene& add(docker_api::ImageSummary summary, std::chrono::seconds age) {
    auto& record = usage.images[summary.id];
    for (const auto& tag : summary.repo_tags) record.names.insert(canonical_image_name(tag));
    record.used = now - age;
    inventory.images.push_back(std::move(summary));
    return *this;
  }
  std::vector<std::string> ids() const { return names(collectable(inventory, usage)); }
  std::vector<std::string> chosen() const { return names(choose(inventory, usage, marks)); }
  static std::vector<std::string> names(const std::vector<Victim>& victims) {
    std::vector<std::string> list;
    for (const auto& victim : victims) list.push_back(victim.id);
    return list;
  }
};

TEST(Collectable, VolumesThatAreOursAndStay) {
  struct Case {
    const char* what;
    docker_api::VolumeDetails details;
    bool collectable;
  };
  const auto with = [](docker_api::VolumeDetails details, const char* key, const char* value) {
    details.labels[key] = value;
    return details;
  };
  const auto without = [](docker_api::VolumeDetails details, const char* key) {
    details.labels.erase(key);
    return details;
  };
  const Case cases[] = {
      {"a cache", volume("v", "cache"), true},
      {"layers", volume("v", "layers"), true},
      {"the helper volume of another version", volume("slipway-helper-2222222222222222", "helper"),
       true},
      {"the helper volume of this version", volume("slipway-helper-1111111111111111", "helper"),
       false},
      {"what goes with its job", volume("v", "job"), false},
      {"a cache that names a job", with(volume("v", "cache"), "io.slipway.job", "k"), false},
      {"another state directory's", with(volume("v", "cache"), "io.slipway.state", "ffff"), false},
      {"nobody's", without(volume("v", "cache"), "io.slipway.state"), false},
      {"GitLab Runner's cache",
       with(without(volume("v", "cache"), "io.slipway.state"), "com.gitlab.gitlab-runner.reusable",
            "true"),
       false},
      {"without a purpose", without(volume("v", "cache"), "io.slipway.volume"), false},
      {"a purpose of tomorrow", volume("v", "something"), false},
      {"no labels at all", docker_api::VolumeDetails{"v"}, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Scene scene;
    scene.add(c.details, 48h);
    EXPECT_THAT(scene.ids(), SizeIs(c.collectable ? 1 : 0));
    scene.inventory.state_id.clear();
    EXPECT_THAT(scene.ids(), IsEmpty()) << "without an id nothing is ours";
  }
}

TEST(Collectable, NeverAVolumeInUse) {
  Scene scene;
  scene.add(volume(slot_a + "-cache-1", "cache"), 48h);
  scene.add(volume(slot_a + "-cache-2", "cache"), 48h);
  scene.add(volume(slot_b + "-cache-1", "cache"), 48h);
  scene.add(volume("other", "cache"), 48h);
  ASSERT_THAT(scene.ids(), SizeIs(4));
  scene.inventory.containers = {container("x", "sha256:x", {"other"})};
  EXPECT_THAT(scene.ids(),
              ElementsAre(slot_a + "-cache-1", slot_a + "-cache-2", slot_b + "-cache-1"));
  scene.inventory.held = {slot_a + "-cache-1"};
  EXPECT_THAT(scene.ids(), ElementsAre(slot_b + "-cache-1")) << "the slot is in use";
  scene.inventory.held = {slot_b + "-layers"};
  EXPECT_THAT(scene.ids(), ElementsAre(slot_a + "-cache-1", slot_a + "-cache-2"));
  scene.inventory.held = {"runner-abc-1", slot_a.substr(0, 30) + "-x"};
  EXPECT_THAT(scene.ids(), SizeIs(3)) << "names that are no slot's";
}

TEST(Collectable, OnlyImagesThatOnlyJobsBrought) {
  const auto brought = [](std::set<std::string> names) {
    Usage::Image record;
    for (const auto& name : names) record.names.insert(canonical_image_name(name));
    record.used = now - 48h;
    return record;
  };
  struct Case {
    const char* what;
    std::vector<std::string> tags;
    std::vector<std::string> digests;
    std::optional<Usage::Image> record;
    bool collectable;
  };
  const auto digest = "@sha256:" + std::string(64, '1');
  const Case cases[] = {
      {"pulled by us", {"busybox:1"}, {"busybox" + digest}, brought({"busybox:1"}), true},
      {"spelt otherwise", {"busybox:latest"}, {}, brought({"docker.io/library/busybox"}), true},
      {"pulled by us twice", {"a:1", "a:2"}, {}, brought({"a:1", "a:2"}), true},
      {"its name is another's now", {}, {"busybox" + digest}, brought({"busybox:1"}), true},
      {"pulled by digest", {}, {"a" + digest}, brought({"a" + digest}), true},
      {"never pulled by us", {"busybox:1"}, {}, std::nullopt, false},
      {"without a name, never pulled by us", {}, {}, std::nullopt, false},
      {"somebody gave it a name", {"busybox:1", "mine:1"}, {}, brought({"busybox:1"}), false},
      {"another tag of it", {"busybox:1", "busybox:2"}, {}, brought({"busybox:1"}), false},
      {"only another's name is left", {"mine:1"}, {}, brought({"busybox:1"}), false},
      {"pulled from elsewhere, too",
       {"busybox:1"},
       {"busybox" + digest, "mirror.example/busybox" + digest},
       brought({"busybox:1"}),
       false},
      {"a digest that is none", {"a:1"}, {"???"}, brought({"a:1"}), false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Scene scene;
    auto summary = image("sha256:1", c.tags);
    summary.repo_digests = c.digests;
    scene.inventory.images = {summary};
    if (c.record) scene.usage.images["sha256:1"] = *c.record;
    EXPECT_THAT(scene.ids(), SizeIs(c.collectable ? 1 : 0));
  }
}

TEST(Collectable, NeverAnImageInUse) {
  struct Case {
    const char* what;
    std::function<void(Inventory&)> use;
  };
  const Case cases[] = {
      {"a container of it", [](Inventory& i) { i.containers = {container("?", "sha256:1")}; }},
      {"a container made by its id",
       [](Inventory& i) { i.containers = {container("sha256:1", "")}; }},
      {"a container made by its name", [](Inventory& i) { i.containers = {container("a", "?")}; }},
      {"held by id", [](Inventory& i) { i.held = {"sha256:1"}; }},
      {"held by name", [](Inventory& i) { i.held = {"docker.io/library/a:latest"}; }},
      {"another image is built on it",
       [](Inventory& i) {
         i.images.push_back(image("sha256:2", {"built:1"}));
         i.images.back().parent = "sha256:1";
       }},
      {"this version's helper image", [](Inventory& i) { i.helper_image = "a:latest"; }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Scene scene;
    scene.add(image("sha256:1", {"a:latest"}), 48h);
    ASSERT_THAT(scene.ids(), SizeIs(1));
    c.use(scene.inventory);
    EXPECT_THAT(scene.ids(), IsEmpty());
  }
}

TEST(Collectable, LeastRecentlyUsedFirst) {
  Scene scene;
  scene.add(volume("yesterday", "cache", 5), 24h)
      .add(image("sha256:old", {"old:1"}), 24h * 9)
      .add(volume("small", "cache", 5), 24h * 3)
      .add(volume("big", "cache", 500), 24h * 3);
  EXPECT_THAT(scene.ids(), ElementsAre("sha256:old", "big", "small", "yesterday"));
}

TEST(Collectable, WhatIsNotRecordedCountsFromTheStoreOrItsCreation) {
  Scene scene;
  scene.usage.since = now - 24h * 10;
  const auto add = [&](const char* name, const char* created) {
    auto details = volume(name, "cache");
    details.created_at = created;
    scene.inventory.volumes.push_back(details);
  };
  // now is 2027-01-15T08:00:00Z.
  add("before", "2020-01-01T00:00:00Z");
  add("later", "2027-01-12T08:00:00Z");
  add("east", "2027-01-13T10:00:00+02:00");
  add("west", "2027-01-14T06:30:00.123-01:30");
  add("odd", "yesterday");
  add("impossible", "2027-13-41T08:00:00Z");
  add("future", "2099-01-01T00:00:00Z");
  std::map<std::string, std::string> reasons;
  for (const auto& victim : collectable(scene.inventory, scene.usage))
    reasons[victim.id] = victim.reason;
  EXPECT_THAT(reasons["before"], HasSubstr("not used for 10 days;"));
  EXPECT_THAT(reasons["later"], HasSubstr("not used for 3 days;"));
  EXPECT_THAT(reasons["east"], HasSubstr("not used for 2 days;"));
  EXPECT_THAT(reasons["west"], HasSubstr("not used for 24 hours;"));
  EXPECT_THAT(reasons["odd"], HasSubstr("not used for 10 days;"));
  EXPECT_THAT(reasons["impossible"], HasSubstr("not used for 10 days;"));
  EXPECT_THAT(reasons["future"], HasSubstr("not used for 0 minutes;"));
}

TEST(Collectable, SaysWhy) {
  Scene scene;
  scene.add(volume("c", "cache", 1'200'000'000), 24h * 12)
      .add(volume("l", "layers"), 24h * 11)
      .add(volume("slipway-helper-2", "helper", 7'000'000), 24h * 10)
      .add(image("sha256:i", {"busybox:1.36"}, 4'300'000), 24h * 9)
      .add(image("sha256:h", {"slipway-helper:1.0"}, 150'000'000), 24h * 8)
      .add(image("sha256:n", {}, 999), 24h * 7);
  std::vector<std::string> reasons;
  for (const auto& victim : collectable(scene.inventory, scene.usage))
    reasons.push_back(victim.reason);
  EXPECT_THAT(
      reasons,
      ElementsAre("not used for 12 days; 1.2 GB; cache volume of project 42",
                  "not used for 11 days; size unknown; Docker-in-Docker layers of project 42",
                  "not used for 10 days; 7.0 MB; helper volume of another version",
                  "not used for 9 days; 4.3 MB; image that jobs pulled, busybox:1.36",
                  "not used for 8 days; 150 MB; helper image of another version, "
                  "slipway-helper:1.0",
                  "not used for 7 days; 999 B; image that jobs pulled, its name is "
                  "another's now"));
}

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

TEST(AgeText, FitsTheAge) {
  EXPECT_EQ(age_text(-5s), "0 minutes");
  EXPECT_EQ(age_text(61s), "1 minute");
  EXPECT_EQ(age_text(59min), "59 minutes");
  EXPECT_EQ(age_text(1h), "1 hour");
  EXPECT_EQ(age_text(47h), "47 hours");
  EXPECT_EQ(age_text(48h), "2 days");
}

}  // namespace
}  // namespace slipway::executors::docker
