// An Engine that speaks versions 1.44 to 1.52 only: what a job needs of it, without the members
// that these versions dropped, and what must not be sent to it any more.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "fake_engine.hpp"

namespace slipway::docker_api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto too_old =
    R"({"message":"client version 1.43 is too old. Minimum supported API version is 1.44, )"
    R"(please upgrade your client to a newer version"})";
constexpr auto too_new =
    R"({"message":"client version 1.55 is too new. Maximum supported API version is 1.52"})";

std::vector<Answer> ping() {
  return {{200, "", {{"API-Version", "1.52"}, {"Server", "Docker/29.0.0 (linux)"}}}};
}

std::vector<Answer> answer(int status, const json& body) {
  return {{status, body.dump()}};
}

TEST(NewEngine, E50_SpeaksTheHighestCommonVersion) {
  FakeEngine::Script script{
      {"HEAD /_ping", ping()},
      {"GET /v1.52/info", answer(200, {{"Name", "host"}, {"OSType", "linux"}})}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    EXPECT_EQ(client.api_version(), "1.52");
    EXPECT_TRUE(client.labels_mounted_volumes());
    const auto info = co_await client.info();
    EXPECT_EQ(info.name, "host");
  });
}

TEST(NewEngine, E50_SaysWhatToDoAboutAVersionThatItDoesNotTake) {
  struct Case {
    const char* pinned;
    const char* refusal;
    const char* advice;
  };
  for (const auto& [pinned, refusal, advice] :
       {Case{"1.43", too_old, "Minimum supported API version is 1.44"},
        Case{"1.55", too_new, "Maximum supported API version is 1.52"}}) {
    ::setenv("DOCKER_API_VERSION", pinned, 1);
    FakeEngine::Script script{{"HEAD /_ping", ping()},
                              {std::string{"GET /v"} + pinned + "/info", {{400, refusal}}}};
    with_engine(script, [&](Client& client, FakeEngine&) {
      return [](Client& engine, std::string wanted) -> asio::awaitable<void> {
        co_await engine.connect();
        const auto error = co_await engine_error(engine.info());
        EXPECT_EQ(error.status(), 400);
        EXPECT_THAT(error.what(), HasSubstr(wanted));
        EXPECT_THAT(error.what(), HasSubstr("DOCKER_API_VERSION"));
      }(client, advice);
    });
    ::unsetenv("DOCKER_API_VERSION");
  }
}

TEST(NewEngine, E50_GetsTheMacAddressWithTheNetwork) {
  FakeEngine::Script script{{"HEAD /_ping", ping()},
                            {"POST /v1.52/containers/create", answer(201, {{"Id", "c1"}})}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    ContainerSpec spec;
    spec.name = "one";
    spec.image = "busybox";
    spec.mac_address = "02:42:ac:11:00:02";
    spec.platform = "linux/amd64";
    const auto id = co_await client.create_container(spec);
    EXPECT_EQ(id, "c1");
    const auto& request = engine.requests().back();
    const auto body = json::parse(request.body);
    EXPECT_FALSE(body.contains("MacAddress"));
    EXPECT_EQ(body["NetworkingConfig"]["EndpointsConfig"]["default"]["MacAddress"],
              "02:42:ac:11:00:02");
    EXPECT_THAT(request.target, HasSubstr("platform=linux"));
  });
}

TEST(NewEngine, E50_MakesNetworksWithoutTheDroppedMember) {
  FakeEngine::Script script{{"HEAD /_ping", ping()},
                            {"POST /v1.52/networks/create", answer(201, {{"Id", "n1"}})}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    NetworkSpec spec;
    spec.name = "net";
    const auto id = co_await client.create_network(spec);
    EXPECT_EQ(id, "n1");
    EXPECT_FALSE(json::parse(engine.requests().back().body).contains("CheckDuplicate"));
  });
}

TEST(NewEngine, E50_ContainersAndImagesWithoutTheDroppedMembers) {
  const json container{
      {"Id", "c1"},
      {"Name", "/one"},
      {"Image", "sha256:1"},
      {"State", {{"Status", "running"}, {"Running", true}, {"ExitCode", 0}}},
      {"Config", {{"Env", {"A=b"}}, {"ExposedPorts", {{"2376/tcp", json::object()}}}}},
      // The members of the default network beside `Networks` are gone.
      {"NetworkSettings",
       {{"Networks",
         {{"bridge", {{"IPAddress", "172.17.0.2"}, {"DNSNames", {"one"}}, {"GwPriority", 0}}}}}}}};
  const json image{{"Id", "sha256:1"},
                   {"RepoDigests", {"busybox@sha256:2"}},
                   {"Os", "linux"},
                   {"Architecture", "amd64"},
                   {"Size", 5},
                   {"Descriptor", {{"digest", "sha256:2"}}},
                   // Empty members of the image's configuration are left out from 1.50 on.
                   {"Config", {{"Cmd", {"sh"}}}}};
  FakeEngine::Script script{{"HEAD /_ping", ping()},
                            {"GET /v1.52/containers/c1/json", answer(200, container)},
                            {"GET /v1.52/images/busybox/json", answer(200, image)}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    const auto details = co_await client.inspect_container("c1");
    EXPECT_TRUE(details.running);
    EXPECT_THAT(details.addresses.at("bridge"), ElementsAre("172.17.0.2"));
    EXPECT_THAT(details.exposed_tcp_ports, ElementsAre(2376));
    const auto found = co_await client.inspect_image("busybox", "linux/amd64");
    EXPECT_THAT(found.repo_digests, ElementsAre("busybox@sha256:2"));
    EXPECT_TRUE(found.env.empty());
    EXPECT_THAT(engine.requests().back().target, HasSubstr("platform="));
  });
}

TEST(NewEngine, E50_DiskUsageInItsNewForm) {
  const json usage{
      {"ImageUsage", {{"Items", {{{"Id", "sha256:1"}, {"Size", 7}, {"RepoTags", {"a:1"}}}}}}},
      {"VolumeUsage",
       {{"Items", {{{"Name", "v"}, {"UsageData", {{"Size", 3}, {"RefCount", 0}}}}}}}}};
  FakeEngine::Script script{{"HEAD /_ping", ping()}, {"GET /v1.52/system/df", answer(200, usage)}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    const auto all = co_await client.disk_usage();
    EXPECT_EQ(all.images.at(0).size, 7);
    EXPECT_EQ(all.volumes.at(0).name, "v");
    EXPECT_THAT(engine.requests().back().target, HasSubstr("verbose=1"));
  });
}

// Events no longer repeat their members at the top.
TEST(NewEngine, E50_EventsWithoutTheOldMembers) {
  const json event{{"Type", "container"},
                   {"Action", "die"},
                   {"Actor", {{"ID", "c1"}, {"Attributes", {{"exitCode", "3"}}}}}};
  FakeEngine::Script script{{"HEAD /_ping", ping()},
                            {"GET /v1.52/events", {{200, event.dump() + "\n"}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    std::vector<std::string> seen;
    std::vector<std::string> labels{"a=b"};
    std::function<void(const EngineEvent&)> sink = [&seen](const EngineEvent& one) {
      seen.push_back(one.action + " " + one.actor);
    };
    bool ended = false;
    try {
      co_await client.watch_events(std::move(labels), std::move(sink));
    } catch (const net::Error&) {
      ended = true;
    }
    EXPECT_TRUE(ended);
    EXPECT_THAT(seen, ElementsAre("die c1"));
  });
}

}  // namespace
}  // namespace slipway::docker_api
