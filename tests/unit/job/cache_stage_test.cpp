#include "job/cache_stage.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::job {
namespace {

using nlohmann::json;

TEST(CacheStage, ParametersOfRestoreComeThrough) {
  RestoreCacheParameters parameters;
  parameters.project_dir = "/builds/group/project";
  parameters.variables = {{"A", "1"}, {"B", "with \"quotes\"\n"}};
  parameters.timeout = 3;
  parameters.clean_up_failed = true;
  parameters.caches.push_back({{{true, "careful"}, {false, "by the way"}},
                               {{"key",
                                 "../../cache/key/cache.zip",
                                 {"http://a/1", "http://a/2"},
                                 {"http://a/3", "http://a/4"}}},
                               {"vendor/"}});
  const json text = parameters;
  const auto again = json::parse(text.dump()).get<RestoreCacheParameters>();
  EXPECT_EQ(json(again), text);
  ASSERT_EQ(again.caches.size(), 1u);
  const auto& cache = again.caches[0];
  EXPECT_TRUE(cache.notes[0].warning);
  EXPECT_EQ(cache.notes[1].text, "by the way");
  EXPECT_EQ(cache.candidates[0].file, "../../cache/key/cache.zip");
  EXPECT_EQ(cache.candidates[0].object.head_url, "http://a/2");
  EXPECT_EQ(cache.candidates[0].alternate.url, "http://a/3");
  EXPECT_EQ(again.variables[1].second, "with \"quotes\"\n");
  EXPECT_EQ(again.timeout, 3);
}

TEST(CacheStage, ParametersOfSaveComeThrough) {
  SaveCacheParameters parameters;
  parameters.project_dir = "/builds/group/project";
  parameters.caches.push_back({{{false, "note"}},
                               "key",
                               "file",
                               "other",
                               {"a", "b"},
                               true,
                               "http://a/put",
                               "http://a/check",
                               {{"x-amz-meta-cachekey", "key"}},
                               1u << 30});
  const json text = parameters;
  const auto again = json::parse(text.dump()).get<SaveCacheParameters>();
  EXPECT_EQ(json(again), text);
  EXPECT_EQ(again.caches[0].headers[0].second, "key");
  EXPECT_EQ(again.caches[0].max_size, 1u << 30);
  EXPECT_TRUE(again.caches[0].untracked);
}

TEST(CacheStage, WhatIsMissingIsTheDefaultAndWhatIsWrongAnError) {
  const auto restore = json::parse("{\"caches\": [{}]}").get<RestoreCacheParameters>();
  EXPECT_EQ(restore.timeout, 10);
  EXPECT_TRUE(restore.caches.at(0).candidates.empty());
  for (const auto* text :
       {"[]", "{\"caches\": [1]}", "{\"caches\": [{\"notes\": [\"x\"]}]}", "{\"timeout\": \"x\"}",
        "{\"caches\": [{\"candidates\": [{\"object\": 1}]}]}"})
    EXPECT_THROW(json::parse(text).get<RestoreCacheParameters>(), json::exception) << text;
  EXPECT_THROW(json::parse("{\"caches\": [{\"headers\": 1}]}").get<SaveCacheParameters>(),
               json::exception);
}

}  // namespace
}  // namespace slipway::job
