#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fake_coordinator.hpp"
#include "gitlab_api/client.hpp"

namespace slipway::gitlab_api {
namespace {

using namespace std::chrono_literals;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::Reply;
using testing::run_with_coordinator;
using Json = nlohmann::json;
using Task = asio::awaitable<void>;

const JobUpdate running{"running"};
const JobUpdate success{"success"};

const util::Secret job_token{"glcbt-64_job"};

TEST(PatchTrace, Edge23RangesAdjoinAndEmptyContentIsNotSent) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{202, {}, ""}, {202, {}, ""}});
    Client client{fake.executor(), fake.options()};
    auto result = co_await client.patch_trace(90125, job_token, 0, "H", false);
    EXPECT_EQ(result.kind, PatchResult::Kind::accepted);
    EXPECT_EQ(result.offset, 1u);
    result = co_await client.patch_trace(90125, job_token, result.offset, "ello", false);
    EXPECT_EQ(result.offset, 5u);
    result = co_await client.patch_trace(90125, job_token, result.offset, "", false);
    EXPECT_EQ(result.kind, PatchResult::Kind::accepted);
    EXPECT_EQ(result.offset, 5u);
    EXPECT_EQ(fake.seen.size(), 2u);
    const auto& first = fake.seen.at(0);
    EXPECT_EQ(first.method, "PATCH");
    EXPECT_EQ(first.target, "/api/v4/jobs/90125/trace?debug_trace=false");
    EXPECT_EQ(first.headers.get("Content-Range"), "0-0");
    EXPECT_EQ(first.headers.get("Content-Type"), "text/plain");
    EXPECT_EQ(first.headers.get("JOB-TOKEN"), "glcbt-64_job");
    EXPECT_FALSE(first.headers.find("Accept"));
    EXPECT_FALSE(first.headers.find("RUNNER-TOKEN"));
    EXPECT_EQ(first.body, "H");
    EXPECT_EQ(fake.seen.at(1).headers.get("Content-Range"), "1-4");
  });
}

TEST(PatchTrace, Edge40DebugTrace) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{202, {}, ""}});
    Client client{fake.executor(), fake.options()};
    co_await client.patch_trace(5, job_token, 0, "x", true);
    EXPECT_EQ(fake.seen.at(0).target, "/api/v4/jobs/5/trace?debug_trace=true");
  });
}

TEST(PatchTrace, Edge25Edge27MeaningOfAnswers) {
  using Kind = PatchResult::Kind;
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const struct {
      const char* what;
      Reply reply;
      Kind kind;
      std::uint64_t offset;
      JobSignals signals;
    } cases[] = {
        {"accepted", {202, {{"Job-Status", "running"}}, ""}, Kind::accepted, 103, {}},
        {"accepted, body broken", {202, {}, "x", Reply::How::cut}, Kind::accepted, 103, {}},
        {"canceling",
         {202, {{"Job-Status", "canceling"}}, ""},
         Kind::accepted,
         103,
         {false, true, {}}},
        {"canceled",
         {202, {{"Job-Status", "canceled"}}, ""},
         Kind::aborted,
         100,
         {true, false, {}}},
        {"failed", {202, {{"Job-Status", "failed"}}, ""}, Kind::aborted, 100, {true, false, {}}},
        {"forbidden", {403, {}, ""}, Kind::aborted, 100, {true, false, {}}},
        {"not found", {404, {}, ""}, Kind::not_found, 100, {}},
        {"gone", {410, {}, ""}, Kind::not_found, 100, {}},
        {"range", {416, {{"Range", "0-10"}}, ""}, Kind::range_mismatch, 10, {}},
        {"range, canceling",
         {416, {{"Range", "0-7"}, {"Job-Status", "canceling"}}, ""},
         Kind::range_mismatch,
         7,
         {false, true, {}}},
        {"no range", {416, {}, ""}, Kind::range_mismatch, 0, {}},
        {"bad range", {416, {{"Range", "0-x"}}, ""}, Kind::range_mismatch, 0, {}},
        {"negative range", {416, {{"Range", "0--5"}}, ""}, Kind::range_mismatch, 0, {}},
        {"huge range",
         {416, {{"Range", "0-99999999999999999999999"}}, ""},
         Kind::range_mismatch,
         0,
         {}},
        {"beyond the log", {416, {{"Range", "0-5000"}}, ""}, Kind::range_mismatch, 5000, {}},
        {"200 is no acceptance", {200, {}, ""}, Kind::failed, 100, {}},
        {"interval",
         {202, {{"X-GitLab-Trace-Update-Interval", "1"}}, ""},
         Kind::accepted,
         103,
         {false, false, 1s}},
        {"interval 0",
         {202, {{"X-GitLab-Trace-Update-Interval", "0"}}, ""},
         Kind::accepted,
         103,
         {}},
        {"interval -5",
         {202, {{"X-GitLab-Trace-Update-Interval", "-5"}}, ""},
         Kind::accepted,
         103,
         {}},
        {"interval abc",
         {202, {{"X-GitLab-Trace-Update-Interval", "abc"}}, ""},
         Kind::accepted,
         103,
         {}},
        {"interval 100000",
         {202, {{"X-GitLab-Trace-Update-Interval", "100000"}}, ""},
         Kind::accepted,
         103,
         {false, false, 900s}},
        {"interval on an error",
         {400, {{"X-GitLab-Trace-Update-Interval", "60"}}, ""},
         Kind::failed,
         100,
         {false, false, 60s}},
    };
    Client client{fake.executor(), fake.options()};
    for (const auto& c : cases) {
      SCOPED_TRACE(c.what);
      fake.script({c.reply});
      const auto result = co_await client.patch_trace(1, job_token, 100, "abc", false);
      EXPECT_EQ(result.kind, c.kind) << result.text;
      EXPECT_EQ(result.offset, c.offset);
      EXPECT_EQ(result.signals.abort, c.signals.abort);
      EXPECT_EQ(result.signals.cancel_requested, c.signals.cancel_requested);
      EXPECT_EQ(result.signals.update_interval, c.signals.update_interval);
    }
  });
}

TEST(PatchTrace, Edge26APatchAnsweredWith500IsRepeatedThenResynced) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{500, {}, ""}, {416, {{"Range", "0-103"}}, ""}});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.patch_trace(1, job_token, 100, "abc", false);
    EXPECT_EQ(result.kind, PatchResult::Kind::range_mismatch);
    EXPECT_EQ(result.offset, 103u);
    EXPECT_EQ(fake.seen.at(0).headers.get("Content-Range"), "100-102");
    EXPECT_EQ(fake.seen.at(1).headers.get("Content-Range"), "100-102");
    EXPECT_EQ(fake.seen.at(1).body, "abc");
  });
}

TEST(PatchTrace, AMebibyteArrivesWhole) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{202, {}, ""}});
    Client client{fake.executor(), fake.options()};
    std::string content(1u << 20, 'a');
    content.back() = '\xff';
    const auto result = co_await client.patch_trace(1, job_token, 0, content, false);
    EXPECT_EQ(result.offset, 1048576u);
    EXPECT_EQ(fake.seen.at(0).headers.get("Content-Range"), "0-1048575");
    EXPECT_TRUE(fake.body(0) == content);
  });
}

TEST(UpdateJob, BodyHoldsWhatIsSet) {
  const struct {
    const char* what;
    JobUpdate update;
    const char* want;
  } cases[] = {
      {"acceptance", {"running"}, R"({"state":"running","output":{}})"},
      {"touch",
       {"running", "", "crc32:00000000", 0},
       R"({"state":"running","checksum":"crc32:00000000","output":{"checksum":"crc32:00000000"}})"},
      {"failure",
       {"failed", "script_failure", "crc32:244a679a", 19, 2},
       R"({"state":"failed","failure_reason":"script_failure","checksum":"crc32:244a679a",
           "output":{"checksum":"crc32:244a679a","bytesize":19},"exit_code":2})"},
      {"negative exit code",
       {"failed", "", "", 0, -1},
       R"({"state":"failed","output":{},"exit_code":-1})"},
      {"a success has no reason",
       {"success", "script_failure", "crc32:1", 5},
       R"({"state":"success","checksum":"crc32:1","output":{"checksum":"crc32:1","bytesize":5}})"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    run_with_coordinator([&c](FakeCoordinator& fake) {
      return [](FakeCoordinator& coordinator, decltype(cases[0]) expected) -> Task {
        coordinator.script({{200, {}, "ignored"}});
        Client client{coordinator.executor(), coordinator.options()};
        const auto result = co_await client.update_job(90125, job_token, expected.update);
        EXPECT_EQ(result.kind, UpdateResult::Kind::succeeded);
        const auto& seen = coordinator.seen.at(0);
        EXPECT_EQ(seen.method, "PUT");
        EXPECT_EQ(seen.target, "/api/v4/jobs/90125");
        EXPECT_EQ(seen.headers.get("JOB-TOKEN"), "glcbt-64_job");
        auto sent = Json::parse(seen.body);
        EXPECT_EQ(sent.at("token"), "glcbt-64_job");
        EXPECT_EQ(sent.at("info").at("executor"), "docker");
        sent.erase("token");
        sent.erase("info");
        EXPECT_EQ(sent, Json::parse(expected.want));
      }(fake, c);
    });
  }
}

TEST(UpdateJob, MeaningOfAnswers) {
  using Kind = UpdateResult::Kind;
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    const struct {
      Reply reply;
      Kind kind;
      bool abort;
      bool cancel;
    } cases[] = {
        {{200, {}, ""}, Kind::succeeded, false, false},
        {{200, {{"Job-Status", "canceling"}}, ""}, Kind::succeeded, false, true},
        {{200, {{"Job-Status", "canceled"}}, ""}, Kind::aborted, true, false},
        {{202, {{"Job-Status", "failed"}}, ""}, Kind::aborted, true, false},
        {{202, {}, ""}, Kind::not_completed, false, false},
        {{412, {}, ""}, Kind::validation_failed, false, false},
        {{403, {}, ""}, Kind::aborted, true, false},
        {{404, {}, ""}, Kind::aborted, true, false},
        {{410, {}, ""}, Kind::aborted, true, false},
        {{409, {}, ""}, Kind::failed, false, false},
        {{400, {}, ""}, Kind::failed, false, false},
    };
    Client client{fake.executor(), fake.options()};
    for (const auto& c : cases) {
      SCOPED_TRACE(c.reply.status);
      fake.script({c.reply});
      const auto result = co_await client.update_job(1, job_token, success);
      EXPECT_EQ(result.kind, c.kind) << result.text;
      EXPECT_EQ(result.signals.abort, c.abort);
      EXPECT_EQ(result.signals.cancel_requested, c.cancel);
      EXPECT_EQ(result.http_status, c.reply.status);
      EXPECT_EQ(result.job_status, c.reply.headers.get("Job-Status"));
    }
  });
}

TEST(UpdateJob, AJobStatusIsBounded) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    fake.script({{200, {{"Job-Status", std::string(5000, 'x')}}, ""}});
    Client client{fake.executor(), fake.options()};
    const auto result = co_await client.update_job(1, job_token, success);
    EXPECT_EQ(result.job_status, std::string(32, 'x'));
  });
}

TEST(JobReports, Fault06AnAnswerIsWaitedForWithinALimitOfItsOwn) {
  run_with_coordinator([](FakeCoordinator& fake) -> Task {
    Reply held{202, {}, "", Reply::How::hold};
    held.delay = std::chrono::seconds{5};
    fake.script({held, held});
    auto options = fake.options();
    options.report_timeout = std::chrono::milliseconds{50};
    Client client{fake.executor(), std::move(options)};
    const auto begin = std::chrono::steady_clock::now();
    const auto patch = co_await client.patch_trace(1, job_token, 0, "abc", false);
    EXPECT_EQ(patch.kind, PatchResult::Kind::failed);
    EXPECT_EQ(patch.http_status, 0);
    EXPECT_EQ(patch.offset, 0u);
    const auto update = co_await client.update_job(1, job_token, success);
    EXPECT_EQ(update.kind, UpdateResult::Kind::failed);
    EXPECT_EQ(update.http_status, 0);
    EXPECT_NE(update.text.find("no answer"), std::string::npos) << update.text;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{2});
  });
}

TEST(JobReports, WhatMayPassByItself) {
  for (const int status : {0, 408, 429, 500, 501, 502, 503, 504, 520})
    EXPECT_TRUE(is_passing(status));
  for (const int status : {200, 202, 302, 400, 401, 403, 404, 409, 410, 412, 416})
    EXPECT_FALSE(is_passing(status));
}

}  // namespace
}  // namespace slipway::gitlab_api
