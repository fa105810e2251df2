#include "gitlab_api/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fake_coordinator.hpp"

namespace slipway::gitlab_api {
namespace {

using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::json_reply;
using ::testing::Not;
using testing::Reply;
using testing::run_with_coordinator;
using Json = nlohmann::json;
using Task = asio::awaitable<void>;

const JobUpdate running{"running"};

TEST(RunnerCalls, Edge9VerifyAcceptsPlainTextOnASecondTry) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{200, {{"Content-Type", "text/plain"}}, "200"}, {200, {}, "200"}});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.verify_runner();
    EXPECT_EQ(result.call.status, Status::ok);
    EXPECT_EQ(result.id, 0);
    EXPECT_EQ(fake.seen.at(0).headers.get("Accept"), "application/json");
    EXPECT_FALSE(fake.seen.at(1).headers.find("Accept"));
    EXPECT_EQ(fake.body(0), fake.body(1));
  });
}

TEST(RunnerCalls, Edge9OnlyA403SaysThatARunnerIsGone) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    const Reply broken{500, {}, ""};
    fake.script({broken, broken, broken, broken, broken});
    auto result = co_await client.verify_runner();
    EXPECT_EQ(result.call.status, Status::failed);
    fake.script({json_reply(403, R"({"message":"403 Forbidden"})")});
    result = co_await client.verify_runner();
    EXPECT_EQ(result.call.status, Status::forbidden);
    EXPECT_EQ(result.call.text, "POST " + fake.url() + "/api/v4/runners/verify: 403 Forbidden");
    fake.script({json_reply(
        200, R"({"id":42,"token":"glrt-x","token_expires_at":"2031-05-01T00:00:00Z","new":1})")});
    result = co_await client.verify_runner();
    EXPECT_EQ(result.call.status, Status::ok);
    EXPECT_EQ(result.id, 42);
    EXPECT_EQ(result.token.reveal(), "glrt-x");
    EXPECT_EQ(result.token_expires_at, "2031-05-01T00:00:00Z");
    const auto sent = Json::parse(fake.seen.back().body);
    EXPECT_EQ(sent.at("token"), "glrt-runnerToken");
    EXPECT_EQ(sent.at("system_id"), "s_0123456789ab");
    EXPECT_EQ(sent.at("info").at("features").at("cancel_gracefully"), true);
  });
}

TEST(RunnerCalls, Edge10UnregisterByKindOfToken) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const struct {
      const char* token;
      const char* target;
      Json body;
    } cases[] = {
        {"glrt-abc",
         "/api/v4/runners/managers",
         {{"token", "glrt-abc"}, {"system_id", "s_0123456789ab"}}},
        {"glrtr-abc", "/api/v4/runners", {{"token", "glrtr-abc"}}},
        {"abc", "/api/v4/runners", {{"token", "abc"}}},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.token);
      auto options = fake.options();
      options.token = util::Secret{c.token};
      Client client{fake.executor(), std::move(options)};
      fake.script({{204, {}, ""}});
      const auto result = co_await client.unregister_runner();
      EXPECT_EQ(result.status, Status::ok);
      const auto& seen = fake.seen.back();
      EXPECT_EQ(seen.method, "DELETE");
      EXPECT_EQ(seen.target, c.target);
      EXPECT_EQ(seen.headers.get("RUNNER-TOKEN"), c.token);
      EXPECT_EQ(Json::parse(seen.body), c.body);
    }
  });
}

TEST(RunnerCalls, Edge12ResetTokenByTheOldOneOrByAUser) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    const auto* answer = R"({"token":"glrt-new","token_expires_at":"2031-05-01T00:00:00Z"})";
    fake.script({json_reply(201, answer), json_reply(201, answer)});
    auto result = co_await client.reset_token();
    EXPECT_EQ(result.call.status, Status::ok);
    EXPECT_EQ(result.token.reveal(), "glrt-new");
    EXPECT_EQ(result.token_expires_at, "2031-05-01T00:00:00Z");
    EXPECT_EQ(fake.seen.at(0).target, "/api/v4/runners/reset_authentication_token");
    EXPECT_EQ(Json::parse(fake.body(0)), Json({{"token", "glrt-runnerToken"}}));
    EXPECT_FALSE(fake.seen.at(0).headers.find("RUNNER-TOKEN"));
    const util::Secret personal{"glpat-user"};
    result = co_await client.reset_token(42, personal);
    EXPECT_EQ(result.token.reveal(), "glrt-new");
    EXPECT_EQ(fake.seen.at(1).target, "/api/v4/runners/42/reset_authentication_token");
    EXPECT_EQ(fake.seen.at(1).headers.get("PRIVATE-TOKEN"), "glpat-user");
    EXPECT_THAT(fake.body(1), Not(HasSubstr("token")));
    // The old one stays in use until it is told.
    fake.script({{204, {}, ""}, {204, {}, ""}});
    co_await client.request_job();
    EXPECT_EQ(fake.seen.at(2).headers.get("RUNNER-TOKEN"), "glrt-runnerToken");
    client.use_token(result.token);
    co_await client.request_job();
    EXPECT_EQ(fake.seen.at(3).headers.get("RUNNER-TOKEN"), "glrt-new");
    EXPECT_EQ(Json::parse(fake.body(3)).at("token"), "glrt-new");
  });
}

TEST(RunnerCalls, Edge12AResetWithoutATokenIsAFailure) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    fake.script({json_reply(403, R"({"message":"403 Forbidden"})"),
                 json_reply(201, "{}"),
                 json_reply(200, R"({"token":"glrt-new"})"),
                 {201, {}, "glrt-new"}});
    auto result = co_await client.reset_token();
    EXPECT_EQ(result.call.status, Status::forbidden);
    for (int i = 0; i < 3; ++i) {
      result = co_await client.reset_token();
      EXPECT_EQ(result.call.status, Status::failed);
      EXPECT_THAT(result.call.text, Not(HasSubstr("glrt-")));
    }
  });
}

TEST(RunnerCalls, AreCounted) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    auto options = fake.options();
    std::vector<std::string> calls;
    options.on_call = [&](const CallRecord& call) {
      calls.push_back(std::string{call.endpoint} + " " + std::string{call.method} + " " +
                      std::to_string(call.status) + " " + std::to_string(call.attempts));
    };
    Client client{fake.executor(), std::move(options)};
    fake.script({{503, {}, ""},
                 {204, {}, ""},
                 {202, {}, ""},
                 {200, {}, ""},
                 // Once more on a fresh connection: the first may have been closed at rest.
                 {0, {}, "", Reply::How::close},
                 {0, {}, "", Reply::How::close},
                 {200, {}, "{}"},
                 {200, {}, "{}"}});
    const util::Secret token{"t"};
    co_await client.request_job();
    co_await client.patch_trace(1, token, 0, "x", false);
    co_await client.update_job(1, token, running);
    co_await client.reset_token();
    co_await client.verify_runner();
    const std::vector<std::string> want{"request_job POST 204 2", "patch_trace PATCH 202 1",
                                        "update_job PUT 200 1", "reset_token POST 0 1"};
    EXPECT_EQ(calls, want);
  });
}

TEST(RunnerCalls, RegisterSendsWhatIsSet) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    auto options = fake.options();
    options.token = util::Secret{};
    options.info.executor = "";
    Client client{fake.executor(), std::move(options)};
    fake.script({json_reply(201, R"({"id":12345,"token":"TOKEN","token_expires_at":null})"),
                 json_reply(201, R"({"id":1,"token":"T"})"), json_reply(201, R"({"id":1})")});
    RegisterParameters parameters;
    parameters.registration_token = util::Secret{"GR1348941aaaabbbbccccdddd"};
    parameters.description = "build-box-7";
    auto result = co_await client.register_runner(parameters);
    EXPECT_EQ(result.call.status, Status::ok);
    EXPECT_EQ(result.id, 12345);
    EXPECT_EQ(result.token.reveal(), "TOKEN");
    EXPECT_EQ(result.token_expires_at, "");
    auto sent = Json::parse(fake.body(0));
    EXPECT_EQ(fake.seen.at(0).headers.get("RUNNER-TOKEN"), "GR1348941aaaabbbbccccdddd");
    const auto features = sent.at("info").at("features");
    EXPECT_EQ(features.at("trace_reset"), true);
    EXPECT_EQ(features.at("image"), false);
    sent.erase("info");
    EXPECT_EQ(sent, Json::parse(R"({"token":"GR1348941aaaabbbbccccdddd",
      "description":"build-box-7","run_untagged":true,"locked":true,"paused":false})"));

    parameters.tag_list = "linux,arm";
    parameters.maximum_timeout = 600;
    parameters.access_level = "ref_protected";
    parameters.maintenance_note = "note";
    parameters.locked = false;
    parameters.paused = true;
    result = co_await client.register_runner(parameters);
    sent = Json::parse(fake.body(1));
    sent.erase("info");
    EXPECT_EQ(sent, Json::parse(R"({"token":"GR1348941aaaabbbbccccdddd",
      "description":"build-box-7","maintenance_note":"note","tag_list":"linux,arm",
      "run_untagged":false,"locked":false,"access_level":"ref_protected","maximum_timeout":600,
      "paused":true})"));

    result = co_await client.register_runner(parameters);
    EXPECT_EQ(result.call.status, Status::failed);
    EXPECT_THAT(result.call.text, HasSubstr("no token"));
  });
}

TEST(RunnerCalls, Edge13ErrorObjectsAreJoined) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    fake.script({json_reply(400, R"({"message":{"base":["too many","runners"],"tag":["bad"]}})")});
    const RegisterParameters parameters;
    const auto result = co_await client.register_runner(parameters);
    EXPECT_EQ(result.call.status, Status::failed);
    EXPECT_EQ(result.call.text, "POST " + fake.url() +
                                    "/api/v4/runners: 400 Bad Request (base: too many; runners, "
                                    "tag: bad)");
  });
}

TEST(RequestJob, Edge14LastUpdateIsEchoed) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Client client{fake.executor(), fake.options()};
    fake.script({{204, {{"X-GitLab-Last-Update", "v7"}}, ""},
                 {204, {}, ""},
                 {409, {{"X-GitLab-Last-Update", "v8"}}, ""},
                 {202, {{"X-GitLab-Last-Update", "patch"}}, ""},
                 {201, {{"X-GitLab-Last-Update", "v9"}, {"Content-Type", "application/json"}}, "{"},
                 {200, {{"X-GitLab-Last-Update", "v10"}}, ""},
                 {204, {}, ""}});
    for (int i = 0; i < 3; ++i) co_await client.request_job();
    co_await client.patch_trace(1, util::Secret{"j"}, 0, "x", false);
    co_await client.request_job();
    co_await client.update_job(1, util::Secret{"j"}, running);
    co_await client.request_job();
    EXPECT_FALSE(Json::parse(fake.body(0)).contains("last_update"));
    EXPECT_EQ(Json::parse(fake.body(1)).at("last_update"), "v7");
    EXPECT_EQ(Json::parse(fake.body(2)).at("last_update"), "v7");
    EXPECT_EQ(Json::parse(fake.body(4)).at("last_update"), "v8");
    EXPECT_EQ(Json::parse(fake.body(6)).at("last_update"), "v10");
  });
}

TEST(RequestJob, Edge15AHeldRequestIsWaitedFor) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    auto held = json_reply(201, R"({"id":7,"token":"glcbt-t"})");
    held.how = Reply::How::hold;
    held.delay = std::chrono::milliseconds{300};
    fake.script({held});
    Client client{fake.executor(), fake.options()};
    EXPECT_GE(client.options().response_header_timeout, std::chrono::minutes{5});
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::job);
    EXPECT_EQ(result.job->id, 7);
  });
}

TEST(RequestJob, Edge16HealthByAnswer) {
  using Kind = JobRequestResult::Kind;
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const struct {
      Reply reply;
      Kind kind;
      Status status;
      bool healthy;
    } cases[] = {
        {{204, {}, ""}, Kind::none, Status::ok, true},
        {{403, {}, ""}, Kind::forbidden, Status::forbidden, false},
        {{403, {}, ""}, Kind::forbidden, Status::forbidden, false},
        {{409, {}, ""}, Kind::failed, Status::failed, true},
        {{400, {}, ""}, Kind::failed, Status::failed, true},
        {{401, {}, ""}, Kind::failed, Status::failed, true},
        {{404, {}, ""}, Kind::failed, Status::failed, true},
        {{200, {}, "{}"}, Kind::failed, Status::failed, true},
        {{201, {}, "", Reply::How::close}, Kind::failed, Status::failed, true},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.reply.status);
      // A client of its own, so that a closed connection is a fresh one and not repeated.
      Client client{fake.executor(), fake.options()};
      fake.script({c.reply});
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.kind, c.kind) << result.call.text;
      EXPECT_EQ(result.call.status, c.status);
      EXPECT_EQ(result.healthy(), c.healthy);
      EXPECT_EQ(result.call.attempts, 1);
    }
  });
}

TEST(RequestJob, Edge7OnlyTheJsonMediaTypeIsAJob) {
  using Kind = JobRequestResult::Kind;
  const struct {
    const char* type;
    const char* body;
    Kind kind;
    const char* text;
  } cases[] = {
      {"application/json", R"({"id":1,"token":"t","new":[{}]})", Kind::job, ""},
      {"application/json; charset=utf-8", R"({"id":1,"token":"t"})", Kind::job, ""},
      {"Application/JSON", R"({"id":1,"token":"t"})", Kind::job, ""},
      {"text/html", R"({"id":1,"token":"t"})", Kind::failed, "not JSON"},
      {"application/json", "{\"id\":", Kind::failed, "cannot be read"},
      {"application/json", R"({"id":9,"token":"glcbt-t","steps":5})", Kind::unusable,
       "cannot be read"},
      {"application/json", "", Kind::failed, "cannot be read"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    run_with_coordinator([&c](FakeCoordinator& fake) {
      return [](FakeCoordinator& coordinator, decltype(cases[0]) expected) -> Task {
        coordinator.script({{201, {{"Content-Type", expected.type}}, expected.body}});
        Client client{coordinator.executor(), coordinator.options()};
        const auto result = co_await client.request_job();
        EXPECT_EQ(result.kind, expected.kind) << result.call.text;
        EXPECT_TRUE(result.healthy());
        EXPECT_THAT(result.call.text, HasSubstr(expected.text));
        EXPECT_THAT(result.call.text, Not(HasSubstr("glcbt-t")));
        if (result.kind == Kind::unusable) {
          EXPECT_EQ(result.unusable.id, 9);
        }
      }(fake, c);
    });
  }
}

TEST(RequestJob, Edge17LabelsAreSentWhereThereAreAny) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""}, {204, {}, ""}});
    auto options = fake.options();
    Client plain{fake.executor(), options};
    co_await plain.request_job();
    EXPECT_FALSE(Json::parse(fake.body(0)).at("info").contains("labels"));
    options.info.labels = {{"site", "north"}, {"tier", "2"}};
    Client labelled{fake.executor(), options};
    co_await labelled.request_job();
    EXPECT_EQ(Json::parse(fake.body(1)).at("info").at("labels"),
              (Json{{"site", "north"}, {"tier", "2"}}));
  });
}

TEST(RequestJob, Edge17TokenAndFeatures) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""}});
    Client client{fake.executor(), fake.options()};
    co_await client.request_job();
    const auto& seen = fake.seen.at(0);
    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.target, "/api/v4/jobs/request");
    EXPECT_EQ(seen.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(seen.headers.get("Accept"), "application/json");
    EXPECT_THAT(seen.headers.get("User-Agent"),
                ::testing::MatchesRegex("slipway 1.2.3 \\(abcdef; [a-z0-9.]+; linux/amd64\\)"));
    EXPECT_THAT(seen.headers.get("X-Request-Id"),
                ::testing::MatchesRegex("[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"));
    const auto sent = Json::parse(seen.body);
    EXPECT_EQ(sent.at("token"), seen.headers.get("RUNNER-TOKEN"));
    EXPECT_EQ(sent.at("system_id"), "s_0123456789ab");
    const auto& info = sent.at("info");
    EXPECT_EQ(info.at("executor"), "docker");
    EXPECT_EQ(info.at("shell"), "bash");
    EXPECT_EQ(info.at("config"), (Json{{"gpus", ""}}));
    const auto& features = info.at("features");
    for (const auto* name : {"variables",
                             "image",
                             "services",
                             "raw_variables",
                             "refspecs",
                             "masking",
                             "trace_reset",
                             "trace_checksum",
                             "trace_size",
                             "cancelable",
                             "cancel_gracefully",
                             "return_exit_code",
                             "two_phase_job_commit",
                             "service_variables",
                             "service_multiple_aliases",
                             "image_executor_opts",
                             "service_executor_opts",
                             "multi_build_steps",
                             "artifacts",
                             "artifacts_exclude",
                             "upload_multiple_artifacts",
                             "upload_raw_artifacts",
                             "cache",
                             "fallback_cache_keys",
                             "job_inputs"})
      EXPECT_EQ(features.at(name), true) << name;
    for (const auto* name :
         {"shared", "session", "terminal", "vault_secrets", "native_steps_integration", "proxy"})
      EXPECT_EQ(features.at(name), false) << name;
    EXPECT_EQ(features.size(), 31u);
  });
}

TEST(RequestJob, ClientErrorsSendNothing) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    for (const auto* url : {"ftp://h", "", "http://", "h:80"}) {
      auto options = fake.options();
      options.url = url;
      Client client{fake.executor(), std::move(options)};
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.kind, JobRequestResult::Kind::client_error) << url;
      EXPECT_FALSE(result.healthy());
      const auto update = co_await client.update_job(1, util::Secret{"t"}, running);
      EXPECT_EQ(update.kind, UpdateResult::Kind::aborted);
    }
    auto options = fake.options();
    options.token = util::Secret{"glrt-a\r\nX-Evil: 1"};
    Client client{fake.executor(), std::move(options)};
    const auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, JobRequestResult::Kind::client_error);
    EXPECT_THAT(result.call.text, Not(HasSubstr("Evil")));
    EXPECT_EQ(fake.seen.size(), 0u);
  });
}

}  // namespace
}  // namespace slipway::gitlab_api
