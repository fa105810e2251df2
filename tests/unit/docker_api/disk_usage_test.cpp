#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "docker_api/error.hpp"
#include "docker_api/json.hpp"
#include "fake_engine.hpp"
#include "net/http.hpp"

namespace slipway::docker_api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto image_text = R"({"Containers":-1,"Id":"sha256:1","ParentId":"sha256:0",
  "RepoTags":["a:1","<none>:<none>"],"RepoDigests":["a@sha256:2"],"Size":1048576,
  "SharedSize":-1,"Labels":null})";
constexpr auto volume_text = R"({"Name":"v","Driver":"local","Labels":{"l":"x"},
  "CreatedAt":"2026-11-21T11:23:32Z","UsageData":{"RefCount":0,"Size":77}})";

TEST(DiskUsage, ListsImages) {
  const auto images = read_images(json::array({json::parse(image_text), {{"Id", "sha256:3"}}}));
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].id, "sha256:1");
  EXPECT_EQ(images[0].parent, "sha256:0");
  EXPECT_THAT(images[0].repo_tags, ElementsAre("a:1"));
  EXPECT_THAT(images[0].repo_digests, ElementsAre("a@sha256:2"));
  EXPECT_EQ(images[0].size, 1048576);
  EXPECT_THAT(images[1].repo_tags, IsEmpty());
  EXPECT_TRUE(read_images(json::parse("null")).empty());
}

TEST(DiskUsage, ReadsBothShapes) {
  const auto image = json::parse(image_text);
  const auto volume = json::parse(volume_text);
  const json before{{"LayersSize", 1}, {"Images", {image}}, {"Volumes", {volume}}};
  const json now{{"ImageUsage", {{"TotalSize", 1}, {"Items", {image}}}},
                 {"VolumeUsage", {{"TotalSize", 77}, {"Items", {volume}}}}};
  for (const auto& answer : {before, now}) {
    SCOPED_TRACE(answer.dump());
    const auto usage = read_disk_usage(answer);
    ASSERT_EQ(usage.images.size(), 1u);
    EXPECT_EQ(usage.images[0].size, 1048576);
    ASSERT_EQ(usage.volumes.size(), 1u);
    EXPECT_EQ(usage.volumes[0].name, "v");
    EXPECT_EQ(usage.volumes[0].size, 77);
    EXPECT_EQ(usage.volumes[0].created_at, "2026-11-21T11:23:32Z");
  }
  EXPECT_TRUE(read_disk_usage(json::parse(R"({"Images":null,"Volumes":null})")).volumes.empty());
  EXPECT_EQ(read_volume(json::parse(R"({"Name":"v"})")).size, -1) << "unknown, not nothing";
}

TEST(DiskUsage, AsksForWhatIsNeeded) {
  struct Case {
    const char* version;
    const char* target;
  };
  const Case cases[] = {
      {"1.41", "/v1.41/system/df"},
      {"1.42", "/v1.42/system/df?type=image&type=volume"},
      {"1.52", "/v1.52/system/df?type=image&type=volume&verbose=1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.version);
    const std::string path = std::string{"GET /v"} + c.version + "/system/df";
    const FakeEngine::Script script{{"HEAD /_ping", {{200, "", {{"API-Version", c.version}}}}},
                                    {path, {{200, R"({"Images":[],"Volumes":[]})"}}}};
    with_engine(script, [&c](Client& client, FakeEngine& engine) {
      return [](Client& own, FakeEngine& fake, std::string target) -> asio::awaitable<void> {
        co_await own.connect();
        co_await own.disk_usage();
        EXPECT_EQ(fake.requests().back().target, target);
      }(client, engine, c.target);
    });
  }
}

TEST(DiskUsage, IsRefusedWhileAnotherAsks) {
  const Answer busy{500, R"({"message":"a disk usage operation is already running"})"};
  with_engine({{"GET /system/df", {busy}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                const auto error = co_await engine_error(client.disk_usage());
                EXPECT_EQ(error.message(), "a disk usage operation is already running");
              });
}

TEST(RemoveImage, TellsWhatHappened) {
  const Answer removed{200, R"([{"Untagged":"a:1"},{"Deleted":"sha256:1"}])"};
  with_engine({{"DELETE /images/a%3A1", {removed}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                const auto steps = co_await client.remove_image("a:1", false);
                EXPECT_EQ(steps.size(), 2u);
                EXPECT_EQ(steps.at(0).untagged, "a:1");
                EXPECT_EQ(steps.at(1).deleted, "sha256:1");
                EXPECT_EQ(engine.requests().back().target, "/images/a%3A1?force=0&noprune=1");
              });
}

TEST(Answers, ContainersNameWhatTheyUse) {
  const auto containers = read_containers(json::parse(R"([{"Id":"c","Names":["/n"],"Image":"a:1",
    "ImageID":"sha256:1","Mounts":[{"Type":"volume","Name":"v1","Destination":"/v"},
    {"Type":"bind","Source":"/h","Destination":"/b"},{"Type":"volume","Name":"v2"}]}])"));
  ASSERT_EQ(containers.size(), 1u);
  EXPECT_EQ(containers[0].image, "a:1");
  EXPECT_EQ(containers[0].image_id, "sha256:1");
  EXPECT_THAT(containers[0].volumes, ElementsAre("v1", "v2"));
}

TEST(Answers, InfoTellsWhereTheDataLies) {
  const auto graph = read_info(json::parse(R"({"ID":"AB:CD","DockerRootDir":"/var/lib/docker",
    "DriverStatus":[["Backing Filesystem","extfs"],["odd"]]})"));
  EXPECT_EQ(graph.id, "AB:CD");
  EXPECT_EQ(graph.root_dir, "/var/lib/docker");
  EXPECT_FALSE(graph.containerd_images);
  const auto containerd = read_info(json::parse(R"({"DockerRootDir":"/var/lib/docker",
    "DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]})"));
  EXPECT_TRUE(containerd.containerd_images);
  EXPECT_FALSE(read_info(json::parse(R"({"DriverStatus":null})")).containerd_images);
}

}  // namespace
}  // namespace slipway::docker_api
