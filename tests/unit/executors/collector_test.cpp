#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/executors/collector_scene.hpp"

namespace slipway::executors::docker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = Victim::Kind;
using Extent = Watermarks::Extent;

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
