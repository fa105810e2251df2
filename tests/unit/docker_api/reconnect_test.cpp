// The Engine comes back as another one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"

namespace slipway::docker_api {
namespace {

using testing::HasSubstr;

net::Headers engine_headers(const char* api, const char* server) {
  return {{"API-Version", api}, {"Server", server}};
}

const net::Headers before = engine_headers("1.43", "Docker/24.0.5 (linux)");
const net::Headers after = engine_headers("1.41", "Docker/20.10.24 (linux)");

TEST(Reconnect, AnAnswerThatAnnouncesAnotherVersionIsHeard) {
  const FakeEngine::Script script{{"HEAD /_ping", {{200, "", before}}},
                                  {"GET /v1.43/info", {{200, R"({"Name":"a"})", after}}},
                                  {"GET /v1.41/info", {{200, R"({"Name":"b"})", after}}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    co_await client.connect();
    EXPECT_EQ(client.disturbances(), 0u);
    auto info = co_await client.info();
    EXPECT_EQ(info.name, "a");
    EXPECT_EQ(client.disturbances(), 1u);
    EXPECT_EQ(client.api_version(), "1.41");
    info = co_await client.info();
    EXPECT_EQ(info.name, "b");
    EXPECT_EQ(client.disturbances(), 1u);
  });
}

TEST(Reconnect, ACallInAVersionThatIsRefusedNowIsRepeatedInTheNewOne) {
  const Answer refusal{
      400, R"({"message":"client version 1.43 is too new. Maximum supported API version is 1.41"})",
      after};
  const FakeEngine::Script script{
      {"HEAD /_ping", {{200, "", before}}},
      {"POST /v1.43/containers/create", {refusal}},
      {"POST /v1.41/containers/create", {{201, R"({"Id":"c1","Warnings":[]})", after}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    ContainerSpec spec;
    spec.name = "n";
    const auto id = co_await client.create_container(spec);
    EXPECT_EQ(id, "c1");
    EXPECT_EQ(engine.requests().back().body, engine.requests()[1].body);
  });
}

TEST(Reconnect, ARefusalOfTheVersionThatStaysIsNotRepeated) {
  const Answer refusal{400, R"({"message":"client version 1.43 is too new."})", before};
  with_engine({{"HEAD /_ping", {{200, "", before}}}, {"GET /v1.43/info", {refusal}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                co_await client.connect();
                const auto error = co_await engine_error(client.info());
                EXPECT_EQ(error.status(), 400);
                EXPECT_EQ(engine.requests().size(), 2u);
              });
}

TEST(Reconnect, AProxyThatDropsTheHeadersChangesNothing) {
  with_engine({{"HEAD /_ping", {{200, "", before}}}, {"GET /v1.43/info", {{200, "{}"}}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                co_await client.connect();
                co_await client.info();
                EXPECT_EQ(client.disturbances(), 0u);
                EXPECT_EQ(client.api_version(), "1.43");
              });
}

TEST(Reconnect, AnEngineThatIsTooOldNowIsNamedAtTheNextConnect) {
  const auto ancient = engine_headers("1.24", "Docker/1.12 (linux)");
  with_engine({{"HEAD /_ping", {{200, "", before}, {200, "", ancient}}},
               {"GET /v1.43/info", {{200, "{}", ancient}}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                co_await client.connect();
                co_await client.info();
                EXPECT_EQ(client.disturbances(), 1u);
                EXPECT_EQ(client.api_version(), "1.43");
                const auto error = co_await engine_error(client.reconnect());
                EXPECT_THAT(error.what(), HasSubstr("too old: it speaks API version 1.24"));
              });
}

TEST(Reconnect, ALostConnectionIsADisturbance) {
  const Answer drop{200, "", {}, {}, Answer::End::drop};
  with_engine({{"GET /info", {drop}}}, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    bool lost = false;
    try {
      co_await client.info();
    } catch (const net::Error&) {
      lost = true;
    }
    EXPECT_TRUE(lost);
    EXPECT_EQ(client.disturbances(), 1u);
    co_await client.reconnect();
    EXPECT_EQ(client.disturbances(), 1u);
  });
}

}  // namespace
}  // namespace slipway::docker_api
