#include "cmd/slipway-demo/engine_record.hpp"

#include <gmock/gmock.h>

namespace slipway::demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

docker_api::EngineEvent container(const char* action, const char* id, const char* state = nullptr) {
  docker_api::EngineEvent event;
  event.type = "container";
  event.action = action;
  event.actor = id;
  if (state) event.attributes[state_label] = state;
  return event;
}

docker_api::EngineEvent mount(const char* volume, const char* container) {
  docker_api::EngineEvent event;
  event.type = "volume";
  event.action = "mount";
  event.actor = volume;
  event.attributes["container"] = container;
  return event;
}

TEST(EngineRecord, CountsTheStartsAndVolumesOfOneState) {
  EngineRecord record;
  record.note(container("create", "build", "ours"));
  record.note(container("create", "filler", "ours"));
  record.note(container("create", "other", "theirs"));
  record.note(container("create", "nobody"));
  record.note(mount("cache", "build"));
  record.note(mount("anonymous", "build"));
  record.note(mount("anonymous", "build"));
  record.note(mount("their-cache", "other"));
  record.note(mount("unknown", "made-before"));
  for (const auto* id : {"build", "other", "nobody", "made-before", "build"})
    record.note(container("start", id, "ours"));
  record.note(container("destroy", "build", "ours"));
  EXPECT_EQ(record.starts("ours"), 2u);
  EXPECT_EQ(record.starts("theirs"), 1u);
  EXPECT_EQ(record.starts("none"), 0u);
  EXPECT_THAT(record.volumes("ours"), ElementsAre("anonymous", "cache"));
  EXPECT_THAT(record.volumes("none"), IsEmpty());
}

TEST(EngineRecord, IsBounded) {
  EngineRecord record;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = std::to_string(i);
    record.note(container("create", id.c_str(), "ours"));
    record.note(container("start", id.c_str(), "ours"));
  }
  EXPECT_EQ(record.starts("ours"), 10'000u);
}

TEST(Objects, AreCleanWithoutObjectsOfAJob) {
  Objects objects;
  objects.caches = {"cache"};
  objects.helper_volumes = {"slipway-helper-0"};
  EXPECT_TRUE(objects.clean());
  objects.networks = {"job"};
  EXPECT_FALSE(objects.clean());
}

}  // namespace
}  // namespace slipway::demo
