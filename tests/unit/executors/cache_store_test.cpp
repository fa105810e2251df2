// Where the archives of a job's caches are kept: one volume for all slots, which only the helper
// sees.

#include <gmock/gmock.h>

#include "executors/docker/names.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string directory = "/cache/group/app";

json cached(const char* key = "main-non_protected") {
  return {{"cache", json::array({{{"key", key}, {"paths", {"vendor"}}}})}};
}

std::vector<std::string> targets(const docker_api::ContainerSpec& spec) {
  std::vector<std::string> result;
  for (const auto& mount : spec.mounts) result.push_back(mount.target);
  return result;
}

TEST(CacheStore, IsOneVolumeForAllSlots) {
  const auto plan = plan_of(cached(), "volumes = [\"/cache\"]");
  ASSERT_TRUE(plan.cache_store);
  EXPECT_EQ(
      plan.cache_store->name,
      cache_volume_name(shared_storage_id("theToken", "some-system-id", 1234), directory, false));
  EXPECT_EQ(plan.cache_store->destination, directory);
  EXPECT_TRUE(plan.cache_store->reusable);
  EXPECT_TRUE(plan.needs_helper);
  EXPECT_THAT(targets(plan.helper), ElementsAre("/cache", "/builds", directory));
  EXPECT_THAT(targets(plan.build), ElementsAre("/cache", "/builds")) << "jobs cannot forge any";
  for (const auto& service : plan.services)
    EXPECT_THAT(targets(service.container), Not(Contains(directory)));
  const auto& labels = plan.helper.mounts.back().labels;
  EXPECT_EQ(labels.at("io.slipway.volume"), "cache");
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.destination"), directory);
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.reusable"), "true");
  EXPECT_FALSE(labels.contains("io.slipway.job")) << "it outlives the job";
}

TEST(CacheStore, IsNotThatOfASlotNorOfAnotherProject) {
  EXPECT_NE(shared_storage_id("t", "s", 1), storage_id("t", "s", 1, 0));
  EXPECT_NE(shared_storage_id("t", "s", 1), shared_storage_id("t", "s", 2));
  EXPECT_NE(shared_storage_id("t", "s", 1), shared_storage_id("u", "s", 1));
  EXPECT_EQ(shared_storage_id("t", "", 1), shared_storage_id("t", "unknown", 1));
}

TEST(CacheStore, ProtectedRefsHaveTheirOwn) {
  EXPECT_THAT(plan_of(cached("main-protected")).cache_store->name, EndsWith("-protected"));
  EXPECT_THAT(plan_of(cached()).cache_store->name, Not(EndsWith("-protected")));
}

TEST(CacheStore, IsThereWithoutAnyVolumes) {
  const auto plan = plan_of(cached());
  ASSERT_TRUE(plan.cache_store);
  EXPECT_THAT(targets(plan.helper), ElementsAre("/builds", directory));
}

TEST(CacheStore, IsThereOnlyForJobsWithACache) {
  EXPECT_FALSE(plan_of({}, "volumes = [\"/cache\"]").cache_store);
  const json empty{{"cache", json::array({{{"key", "k"}}})}};
  const auto plan = plan_of(empty, "volumes = [\"/cache\"]");
  EXPECT_FALSE(plan.cache_store);
  EXPECT_FALSE(plan.needs_helper);
  const json untracked{{"cache", json::array({{{"key", "k"}, {"untracked", true}}})}};
  EXPECT_TRUE(plan_of(untracked).needs_helper);
}

TEST(CacheStore, IsWhereTheConfigurationSaysOtherwise) {
  const char* elsewhere[] = {
      "volumes = [\"/srv/cache:/cache\"]",
      "volumes = [\"named:/cache\"]",
      "volumes = [\"/srv:/cache/group\", \"/cache\"]",
      "volumes = [\"/srv:/cache/group/app\"]",
      "volumes_from = [\"other\"]",
      "tmpfs = { \"/cache\" = \"\" }",
      "disable_cache = true",
      "disable_cache = true\nvolumes = [\"/cache\"]",
      "disable_cache = true\ncache_dir = \"/var/cache\"",
  };
  for (const auto* keys : elsewhere) {
    const auto plan = plan_of(cached(), keys);
    EXPECT_FALSE(plan.cache_store) << keys;
    EXPECT_EQ(plan.helper.binds, plan.build.binds) << keys;
    EXPECT_EQ(targets(plan.helper), targets(plan.build)) << keys;
  }
  EXPECT_TRUE(plan_of(cached(), "volumes = [\"/srv:/cache\", \"/cache/group\"]").cache_store);
  EXPECT_TRUE(plan_of(cached(), "volumes = [\"/srv:/cached\"]").cache_store);
  EXPECT_TRUE(plan_of(cached(), "volumes = [\"/cache\"]\nvolumes_from = [\"x\"]").cache_store);
}

TEST(CacheStore, TakesThePlaceOfAVolumeOfTheSlot) {
  const auto plan = plan_of(cached(), "volumes = [\"/cache/group/app\"]");
  EXPECT_THAT(targets(plan.build), ElementsAre(directory, "/builds"));
  EXPECT_THAT(targets(plan.helper), ElementsAre("/builds", directory));
  EXPECT_EQ(plan.helper.mounts.back().source, plan.cache_store->name);
}

TEST(CacheStore, E35_IsADirectoryOfTheHostWithCacheDir) {
  const auto plan =
      plan_of(cached("k-protected"), "cache_dir = \"/var/cache\"\nvolumes = [\"/cache\"]");
  EXPECT_FALSE(plan.cache_store);
  EXPECT_THAT(plan.helper.binds,
              Contains("/var/cache/" + shared_storage_id("theToken", "some-system-id", 1234) + "/" +
                       digest_hex("MD5", directory) + "-protected:" + directory));
  EXPECT_EQ(plan.build.binds.size() + 1, plan.helper.binds.size());
}

TEST(CacheStore, FollowsTheRunnersOwnCacheDirectory) {
  const auto plan = plan_of(cached(), "", "cache_dir = \"/somewhere\"");
  ASSERT_TRUE(plan.cache_store);
  EXPECT_EQ(plan.cache_store->destination, "/somewhere/group/app");
}

}  // namespace
}  // namespace slipway::executors::docker
