#include "runner/cache_parameters.hpp"

#include <gmock/gmock.h>

#include "job/cache_key.hpp"
#include "job/failure.hpp"
#include "stage_fixture.hpp"

namespace slipway::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Words = std::vector<std::string>;

/// Addresses that name what they are for; none for keys that begin with `bad`.
class Objects final : public executors::CacheObjects {
 public:
  job::CacheObject to_restore(const executors::CacheSlot& slot) const override {
    check(slot);
    return {"get:" + name(slot), "head:" + name(slot)};
  }
  executors::CacheUpload to_save(const executors::CacheSlot& slot,
                                 const std::string& shown) const override {
    check(slot);
    return {"put:" + name(slot), "head:" + name(slot), {{"meta", shown}}};
  }

 private:
  static std::string name(const executors::CacheSlot& slot) {
    return (slot.hashed ? "#" : "") + slot.key;
  }
  static void check(const executors::CacheSlot& slot) {
    if (slot.key.starts_with("bad")) throw executors::CacheObjectsError{"no bucket"};
  }
};

job::Cache cache(std::string key, std::string policy = "", std::string when = "") {
  job::Cache cache;
  cache.key = std::move(key);
  cache.paths = {"vendor/", "$EXTRA"};
  cache.policy = std::move(policy);
  cache.when = std::move(when);
  return cache;
}

Words texts(const std::vector<job::CacheNote>& notes) {
  Words texts;
  for (const auto& note : notes) texts.push_back((note.warning ? "W " : "N ") + note.text);
  return texts;
}

Words keys(const job::CacheRestore& restore) {
  Words keys;
  for (const auto& candidate : restore.candidates) keys.push_back(candidate.key);
  return keys;
}

class CacheParameters : public ::testing::Test {
 protected:
  job::CacheRestore restored(job::Cache cache, const executors::CacheObjects* objects = nullptr) {
    f.job.caches = {std::move(cache)};
    const auto parameters = restore_cache_parameters(f.input(), objects);
    return parameters ? parameters->caches.at(0) : job::CacheRestore{};
  }
  job::CacheSave saved(job::Cache cache, const executors::CacheObjects* objects = nullptr) {
    f.job.caches = {std::move(cache)};
    const auto parameters = save_cache_parameters(f.input(), true, objects);
    return parameters ? parameters->caches.at(0) : job::CacheSave{};
  }

  Fixture f;
};

TEST_F(CacheParameters, OfAPlainCache) {
  f.set("EXTRA", "more");
  f.set("CACHE_REQUEST_TIMEOUT", "3");
  f.job.caches = {cache("main-$TAG-1")};
  const auto restore = restore_cache_parameters(f.input(), nullptr);
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->project_dir, "/builds/group/app");
  EXPECT_EQ(restore->timeout, 3);
  EXPECT_FALSE(restore->clean_up_failed);
  ASSERT_EQ(restore->caches.size(), 1u);
  EXPECT_THAT(restore->caches[0].notes, IsEmpty());
  EXPECT_THAT(restore->caches[0].paths, ElementsAre("vendor/", "more"));
  ASSERT_EQ(restore->caches[0].candidates.size(), 1u);
  const auto& candidate = restore->caches[0].candidates[0];
  EXPECT_EQ(candidate.key, "main-v1-1");
  EXPECT_EQ(candidate.file, "/cache/group/app/main-v1-1/cache.zip");
  EXPECT_EQ(candidate.object.url, "");

  const auto save = save_cache_parameters(f.input(), true, nullptr);
  ASSERT_TRUE(save);
  EXPECT_EQ(save->timeout, 3);
  ASSERT_EQ(save->caches.size(), 1u);
  EXPECT_EQ(save->caches[0].key, "main-v1-1");
  EXPECT_EQ(save->caches[0].file, "/cache/group/app/main-v1-1/cache.zip");
  EXPECT_EQ(save->caches[0].alternate_file,
            "/cache/group/app/" + job::hashed_cache_key("main-v1-1") + "/cache.zip");
  EXPECT_THAT(save->caches[0].paths, ElementsAre("vendor/", "$EXTRA")) << "the helper expands them";
  EXPECT_EQ(save->caches[0].url, "");
}

TEST_F(CacheParameters, WithoutAKeyItIsThatOfJobAndRef) {
  f.job.info.name = "build:linux";
  EXPECT_THAT(keys(restored(cache(""))), ElementsAre("build:linux/main"));
  f.job.git.ref = "feature/../x";
  EXPECT_THAT(keys(restored(cache("$NOT_SET"))), ElementsAre("build:linux/x"));
}

TEST_F(CacheParameters, Case45KeysAreSanitizedWithAWarning) {
  const auto changed = restored(cache("../foo"));
  EXPECT_THAT(keys(changed), ElementsAre("foo"));
  EXPECT_THAT(texts(changed.notes), ElementsAre("W cache key \"../foo\" sanitized to \"foo\""));
  for (const auto* raw : {"..", "/", " ", "foo/bar/../..", " / "}) {
    const auto nothing = restored(cache(raw));
    EXPECT_THAT(nothing.candidates, IsEmpty());
    EXPECT_THAT(texts(nothing.notes),
                ElementsAre("W cache key \"" + std::string{raw} + "\" could not be sanitized",
                            "N Skipping cache extraction due to empty cache key"));
    const auto save = saved(cache(raw));
    EXPECT_EQ(save.key, "");
    EXPECT_THAT(texts(save.notes),
                ElementsAre("W cache key \"" + std::string{raw} + "\" could not be sanitized",
                            "N Skipping cache archiving due to empty cache key"));
  }
  f.job.info.name = "";
  f.job.git.ref = "";
  EXPECT_THAT(texts(restored(cache("")).notes),
              ElementsAre("N Skipping cache extraction due to empty cache key"));
}

TEST_F(CacheParameters, HashedKeysAreTakenAsTheyAre) {
  f.set("FF_HASH_CACHE_KEYS", "true");
  const auto hash = job::hashed_cache_key("../foo bar");
  const auto restore = restored(cache("../foo bar"));
  EXPECT_THAT(restore.notes, IsEmpty());
  EXPECT_EQ(restore.candidates.at(0).key, "../foo bar");
  EXPECT_EQ(restore.candidates.at(0).file, "/cache/group/app/" + hash + "/cache.zip");
  const auto save = saved(cache("../foo bar"));
  EXPECT_EQ(save.key, "../foo bar");
  EXPECT_EQ(save.file, "/cache/group/app/" + hash + "/cache.zip");
  EXPECT_EQ(save.alternate_file, "/cache/group/app/foo bar/cache.zip");
  // There is no other scheme for it.
  EXPECT_EQ(saved(cache("..")).alternate_file, "");
  EXPECT_EQ(saved(cache("..")).key, "..");
}

TEST_F(CacheParameters, FallbackKeysComeInOrder) {
  auto some = cache("own");
  some.fallback_keys = {"first-$TAG", "$NOT_SET", "a/../second"};
  f.set("CACHE_FALLBACK_KEY", "last");
  const auto restore = restored(some);
  EXPECT_THAT(keys(restore), ElementsAre("own", "first-v1", "second", "last"));
  EXPECT_THAT(texts(restore.notes),
              ElementsAre("W cache key \"a/../second\" sanitized to \"second\""));
  EXPECT_EQ(saved(some).key, "own") << "they are never written";
}

TEST_F(CacheParameters, Case46FallbackKeyMayNotBeProtected) {
  for (const std::string key : {"x-protected", "x-protected.", "x-protected ", "x-protected/",
                                "x-protected%2f", "x/../y-protected", "x-protected\\ "}) {
    Fixture fresh;
    fresh.set("CACHE_FALLBACK_KEY", key);
    fresh.job.caches = {cache("own")};
    const auto restore = restore_cache_parameters(fresh.input(), nullptr)->caches.at(0);
    EXPECT_THAT(keys(restore), ElementsAre("own")) << key;
    EXPECT_THAT(texts(restore.notes), ElementsAre("W CACHE_FALLBACK_KEY \"" + key +
                                                  "\" not allowed to end in \"-protected\""));
  }
  // GitLab has given those of the job their suffix itself.
  auto some = cache("own");
  some.fallback_keys = {"x-protected"};
  EXPECT_THAT(keys(restored(some)), ElementsAre("own", "x-protected"));
}

TEST_F(CacheParameters, Case54PoliciesAndWhen) {
  for (const auto* policy : {"", "pull-push", "pull", "push"}) {
    SCOPED_TRACE(policy);
    const std::string text = policy;
    const auto restore = restored(cache("k", policy));
    const auto save = saved(cache("k", policy));
    if (text == "push")
      EXPECT_THAT(texts(restore.notes), ElementsAre("N Not downloading cache k due to policy"));
    else
      EXPECT_THAT(keys(restore), ElementsAre("k"));
    if (text == "pull")
      EXPECT_THAT(texts(save.notes), ElementsAre("N Not uploading cache k due to policy"));
    else
      EXPECT_EQ(save.key, "k");
    EXPECT_EQ(save.key.empty(), text == "pull");
  }
  f.set("POLICY", "push");
  EXPECT_THAT(restored(cache("k", "$POLICY")).candidates, IsEmpty());

  const struct {
    const char* when;
    bool success, failure;
  } cases[] = {{"", true, false},
               {"on_success", true, false},
               {"on_failure", false, true},
               {"always", true, true},
               {"never heard of", true, false}};
  for (const auto& c : cases) {
    f.job.caches = {cache("k", "", c.when)};
    const bool known = std::string{c.when} != "never heard of";
    EXPECT_EQ(save_cache_parameters(f.input(), true, nullptr).has_value(), c.success && known);
    EXPECT_EQ(save_cache_parameters(f.input(), false, nullptr).has_value(), c.failure);
    EXPECT_TRUE(restore_cache_parameters(f.input(), nullptr)) << "`when` is of saving only";
  }
}

TEST_F(CacheParameters, Case12AnUnknownPolicyFailsTheStage) {
  f.job.caches = {cache("k", "sometimes", "always")};
  const auto problem = [](auto make) {
    try {
      make();
    } catch (const job::Failure& failure) {
      EXPECT_EQ(failure.reason(), job::FailureReason::runner_system_failure);
      return std::string{failure.what()};
    }
    return std::string{};
  };
  const auto* text = "unknown cache policy sometimes for k";
  EXPECT_EQ(problem([&] { restore_cache_parameters(f.input(), nullptr); }), text);
  EXPECT_EQ(problem([&] { save_cache_parameters(f.input(), true, nullptr); }), text);
}

TEST_F(CacheParameters, Case53ACacheWithNothingInItIsNone) {
  auto untracked = cache("u");
  untracked.paths.clear();
  untracked.untracked = true;
  auto nothing = cache("n", "no policy at all");
  nothing.paths.clear();
  f.job.caches = {nothing};
  EXPECT_FALSE(restore_cache_parameters(f.input(), nullptr));
  EXPECT_FALSE(save_cache_parameters(f.input(), true, nullptr));
  f.job.caches = {nothing, untracked, cache("p")};
  const auto save = save_cache_parameters(f.input(), true, nullptr);
  ASSERT_EQ(save->caches.size(), 2u);
  EXPECT_TRUE(save->caches[0].untracked);
  EXPECT_EQ(save->caches[1].key, "p");
}

TEST_F(CacheParameters, FlagsOfCleaningUp) {
  f.set("FF_CLEAN_UP_FAILED_CACHE_EXTRACT", "true");
  f.job.caches = {cache("k")};
  EXPECT_TRUE(restore_cache_parameters(f.input(), nullptr)->clean_up_failed);
}

TEST_F(CacheParameters, AddressesOfBothSchemes) {
  const Objects objects;
  const auto hash = job::hashed_cache_key("k");
  f.runner.cache.max_uploaded_archive_size = 99;
  const auto candidate = restored(cache("k"), &objects).candidates.at(0);
  EXPECT_EQ(candidate.object.url, "get:k");
  EXPECT_EQ(candidate.object.head_url, "head:k");
  EXPECT_EQ(candidate.alternate.url, "get:#" + hash);
  const auto save = saved(cache("k"), &objects);
  EXPECT_EQ(save.url, "put:k");
  EXPECT_EQ(save.check_url, "head:k");
  EXPECT_THAT(save.headers, ElementsAre(Pair("meta", "k")));
  EXPECT_EQ(save.max_size, 99u);

  f.set("FF_HASH_CACHE_KEYS", "1");
  const auto hashed = restored(cache("k"), &objects).candidates.at(0);
  EXPECT_EQ(hashed.object.url, "get:#" + hash);
  EXPECT_EQ(hashed.alternate.url, "get:k");
  EXPECT_EQ(saved(cache("k"), &objects).url, "put:#" + hash);
}

TEST_F(CacheParameters, WithoutAnAddressTheCacheIsLocal) {
  const Objects objects;
  const auto restore = restored(cache("bad"), &objects);
  EXPECT_THAT(texts(restore.notes),
              ElementsAre("W Failed to obtain environment for cache bad: no bucket"));
  EXPECT_EQ(restore.candidates.at(0).object.url, "");
  EXPECT_EQ(restore.candidates.at(0).alternate.url, "");
  const auto save = saved(cache("bad"), &objects);
  EXPECT_THAT(texts(save.notes),
              ElementsAre("W Unable to generate cache upload environment: no bucket"));
  EXPECT_EQ(save.key, "bad");
  EXPECT_EQ(save.url, "");
}

TEST_F(CacheParameters, StagesHaveTheJobsEnvironment) {
  f.job.caches = {cache("k", "", "always")};
  const auto restore = restore_cache_stage(f.input(), nullptr);
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->name, "restore_cache");
  EXPECT_TRUE(restore->native);
  EXPECT_EQ(restore->place, executors::Stage::Place::predefined);
  EXPECT_EQ(parameters(*restore)["variables"],
            parameters(get_sources_stage(f.input()))["variables"]);
  EXPECT_EQ(archive_cache_stage(f.input(), true, nullptr)->name, "archive_cache");
  EXPECT_EQ(archive_cache_stage(f.input(), false, nullptr)->name, "archive_cache_on_failure");
  f.job.caches.clear();
  EXPECT_FALSE(restore_cache_stage(f.input(), nullptr));
  EXPECT_FALSE(archive_cache_stage(f.input(), true, nullptr));
}

}  // namespace
}  // namespace slipway::runner
