#include <gmock/gmock.h>

#include "support.hpp"

namespace slipway::local {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

class RunnersTest : public CoordinatorTest {};

TEST_F(RunnersTest, RegistersWithTheRegistrationTokenOnly) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    json body{{"token", "GR1348941secret"},
              {"description", "My Docker Runner"},
              {"tag_list", "tls-docker-runner, arm"},
              {"run_untagged", false},
              {"info", {{"name", "slipway"}}}};
    auto text = body.dump();
    const auto reply = co_await t.call("POST", "/api/v4/runners", {}, text);
    EXPECT_EQ(reply.status, 201);
    EXPECT_EQ(net::media_type(reply.headers.get("Content-Type")), "application/json");
    const auto answer = json::parse(reply.body);
    EXPECT_EQ(answer.at("id"), 12345);
    EXPECT_THAT(answer.at("token").get<std::string>(), StartsWith("glrtr-"));
    EXPECT_TRUE(answer.at("token_expires_at").is_null());

    const auto& runner = t.gitlab.runners().at(0);
    EXPECT_EQ(runner.description, "My Docker Runner");
    EXPECT_THAT(runner.tags, ElementsAre("tls-docker-runner", "arm"));
    EXPECT_FALSE(runner.run_untagged);
    EXPECT_EQ(runner.info, R"({"name":"slipway"})");

    for (const auto* wrong : {"", "GR1348941secreT", "GR1348941secret "}) {
      body["token"] = wrong;
      text = body.dump();
      const auto refused = co_await t.call("POST", "/api/v4/runners", {}, text);
      EXPECT_EQ(refused.status, 403) << wrong;
    }
    EXPECT_EQ(t.gitlab.runners().size(), 1u);
    EXPECT_EQ(t.gitlab.count(Endpoint::register_runner), 4u);
  });
}

TEST_F(RunnersTest, RefusesARunnerThatCouldTakeNoJob) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    const json body{{"token", "GR1348941secret"}, {"run_untagged", false}};
    auto text = body.dump();
    const auto reply = co_await t.call("POST", "/api/v4/runners", {}, text);
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(json::parse(reply.body).at("message").contains("tags_list"));
  });
}

TEST_F(RunnersTest, VerifiesAndForgetsManagersAndRunners) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    const auto id = t.gitlab.add_runner(util::Secret{"glrt-one"});
    json manager{{"system_id", "s_0123456789ab"}, {"info", {{"executor", "docker"}}}};
    const auto valid = co_await t.runner_call("POST", "runners/verify", "glrt-one", manager);
    EXPECT_EQ(valid.status, 200);
    EXPECT_EQ(json::parse(valid.body).at("id"), id);
    EXPECT_THAT(t.gitlab.runners()[0].system_ids, ElementsAre("s_0123456789ab"));

    const auto wrong = co_await t.runner_call("POST", "runners/verify", "glrt-two", manager);
    EXPECT_EQ(wrong.status, 403);
    const auto nobody = co_await t.runner_call("DELETE", "runners/managers", "glrt-one");
    EXPECT_EQ(nobody.status, 400);
    const auto gone = co_await t.runner_call("DELETE", "runners/managers", "glrt-one", manager);
    EXPECT_EQ(gone.status, 204);
    EXPECT_TRUE(t.gitlab.runners()[0].system_ids.empty());
    const auto deleted = co_await t.runner_call("DELETE", "runners", "glrt-one");
    EXPECT_EQ(deleted.status, 204);
    EXPECT_TRUE(deleted.body.empty());
    const auto late = co_await t.runner_call("POST", "runners/verify", "glrt-one", manager);
    EXPECT_EQ(late.status, 403);
    const auto poll = co_await t.request_job("glrt-one");
    EXPECT_EQ(poll.status, 403);
  });
}

TEST_F(RunnersTest, TheHeaderAndTheBodyMustAgree) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    net::Headers other{{"RUNNER-TOKEN", "glrt-two"}};
    const auto reply =
        co_await t.call("POST", "/api/v4/runners/verify", other, R"({"token":"glrt-one"})");
    EXPECT_EQ(reply.status, 403);
  });
}

TEST_F(RunnersTest, AResetTokenReplacesTheOldOne) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    const auto reply = co_await t.call("POST", "/api/v4/runners/reset_authentication_token", {},
                                       R"({"token":"glrt-one"})");
    EXPECT_EQ(reply.status, 201);
    const auto fresh = json::parse(reply.body).at("token").get<std::string>();
    EXPECT_THAT(fresh, StartsWith("glrt-"));
    const auto old = co_await t.runner_call("POST", "runners/verify", "glrt-one");
    EXPECT_EQ(old.status, 403);
    const auto now = co_await t.runner_call("POST", "runners/verify", fresh);
    EXPECT_EQ(now.status, 200);
  });
}

TEST_F(RunnersTest, BadBodiesAndUnknownPathsAreAnsweredAndRecorded) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    std::string deep(100'000, '[');
    deep.insert(0, R"({"token":)");
    const std::string bodies[] = {"", "[]", "{", "\"x\"", "{\"token\":\"\xff\xfe\"}", deep};
    std::size_t refused = 0;
    for (const auto& body : bodies) {
      const auto reply = co_await t.call("POST", "/api/v4/runners/verify", {}, body);
      EXPECT_TRUE(reply.status == 400 || reply.status == 403) << body.substr(0, 20);
      refused += reply.status == 400 ? 1 : 0;
    }
    EXPECT_GE(refused, 5u);
    const std::pair<const char*, const char*> nowhere[] = {
        {"GET", "/"},
        {"GET", "/api/v4/runners"},
        {"POST", "/api/v4/runners/verify/"},
        {"POST", "/api/v4//runners/verify"},
        {"PUT", "/api/v4/jobs/"},
        {"PUT", "/api/v4/jobs/-1"},
        {"PUT", "/api/v4/jobs/99999999999999999999999"},
        {"PATCH", "/api/v4/jobs/1/trace/../trace"},
        {"GET", "/api/v4/jobs/1%2Fartifacts"},
    };
    for (const auto& [method, target] : nowhere) {
      const auto reply = co_await t.call(method, target);
      EXPECT_EQ(reply.status, 404) << method << " " << target;
    }
    EXPECT_EQ(t.gitlab.unexpected_requests().size(), refused + std::size(nowhere));
  });
}

TEST_F(RunnersTest, AHugeBodyIsRefused) {
  run<RunnersTest>([](RunnersTest& t) -> asio::awaitable<void> {
    std::string huge(3u << 20, ' ');
    int status = 0;
    try {
      const auto reply = co_await t.call("POST", "/api/v4/runners", {}, huge);
      status = reply.status;
    } catch (const net::Error&) {
      // The server may close before everything is sent.
      status = 413;
    }
    EXPECT_EQ(status, 413);
    const auto alive = co_await t.runner_call("POST", "runners/verify", "glrt-x");
    EXPECT_EQ(alive.status, 403);
  });
}

}  // namespace
}  // namespace slipway::local
