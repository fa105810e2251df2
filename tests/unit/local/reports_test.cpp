#include <gmock/gmock.h>

#include "support.hpp"

namespace slipway::local {
namespace {

class ReportsTest : public CoordinatorTest {};

json final_state(const char* state, const char* checksum, std::uint64_t size) {
  return {{"state", state}, {"output", {{"checksum", checksum}, {"bytesize", size}}}};
}

TEST_F(ReportsTest, ATraceGrowsByAdjoiningRanges) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    std::string shown;
    t.gitlab.on_trace([&shown](std::int64_t, std::string_view bytes) { shown += bytes; });

    struct Case {
      const char* what;
      const char* range;
      const char* body;
      int status;
      const char* stored;
    };
    const Case cases[] = {
        {"one byte", "0-0", "a", 202, "0-1"},
        {"adjoining", "1-4", "bcde", 202, "0-5"},
        {"again", "1-4", "bcde", 416, "0-5"},
        {"a gap", "6-6", "x", 416, "0-5"},
        {"longer than its body", "5-9", "fg", 416, "0-5"},
        {"shorter than its body", "5-5", "fg", 416, "0-5"},
        {"the largest numbers", "0-18446744073709551615", "x", 416, "0-5"},
        {"empty", "5-5", "", 416, "0-5"},
        {"backwards", "5-4", "x", 400, ""},
        {"with a unit", "bytes 5-5", "x", 400, ""},
        {"with a total", "5-5/6", "x", 400, ""},
        {"no range", "", "x", 400, ""},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.what);
      const auto reply = co_await t.patch(id, token, c.range, c.body);
      EXPECT_EQ(reply.status, c.status);
      EXPECT_EQ(reply.headers.get("Range"), c.stored);
      EXPECT_EQ(reply.headers.get("Job-Status"), "running");
      EXPECT_EQ(reply.headers.get("X-GitLab-Trace-Update-Interval"), "3");
    }
    EXPECT_EQ(t.gitlab.job(id).trace, "abcde");
    EXPECT_EQ(shown, "abcde");
    EXPECT_EQ(t.gitlab.job(id).patches.size(), std::size(cases));
    EXPECT_EQ(t.gitlab.job(id).patches.at(1).first, 1u);
    EXPECT_EQ(t.gitlab.job(id).patches.at(1).last, 4u);
  });
}

TEST_F(ReportsTest, OnlyTheJobsOwnTokenCounts) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto a = co_await t.running_job();
    const auto b = co_await t.running_job();
    const auto waiting = t.gitlab.enqueue(JobBuilder{});
    const auto other = co_await t.patch(a, t.job_token(b), "0-0", "x");
    EXPECT_EQ(other.status, 403);
    const auto none = co_await t.patch(a, "", "0-0", "x");
    EXPECT_EQ(none.status, 403);
    const auto early = co_await t.patch(waiting, t.job_token(waiting), "0-0", "x");
    EXPECT_EQ(early.status, 403);
    const auto unknown = co_await t.patch(4711, t.job_token(a), "0-0", "x");
    EXPECT_EQ(unknown.status, 404);
    const json mixed{{"state", "running"}, {"token", t.job_token(b)}};
    const auto body_differs = co_await t.put(a, t.job_token(a), mixed);
    EXPECT_EQ(body_differs.status, 403);
    EXPECT_EQ(t.gitlab.unexpected_requests().size(), 1u);
    EXPECT_TRUE(t.gitlab.job(a).trace.empty());
  });
}

TEST_F(ReportsTest, AJobEndsAsItsRunnerSays) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    const auto patched = co_await t.patch(id, token, "0-18", "Hello from slipway\n");
    EXPECT_EQ(patched.status, 202);
    const auto touch = co_await t.put_state(id, token, "running");
    EXPECT_EQ(touch.status, 200);
    auto body = final_state("failed", "crc32:244a679a", 19);
    body["failure_reason"] = "script_failure";
    body["exit_code"] = 3;
    const auto ended = co_await t.put(id, token, body);
    EXPECT_EQ(ended.status, 200);
    EXPECT_EQ(ended.headers.get("Job-Status"), "failed");
    co_await t.gitlab.wait_finished(id, 1s);
    const auto& job = t.gitlab.job(id);
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.failure_reason, "script_failure");
    EXPECT_EQ(job.exit_code, 3);
    EXPECT_EQ(job.wrong_checksums, 0);
    EXPECT_EQ(job.updates.size(), 3u);
    EXPECT_TRUE(job.accepted_at && job.first_trace_at && job.finished_at);

    const auto late_patch = co_await t.patch(id, token, "19-19", "x");
    EXPECT_EQ(late_patch.status, 403);
    EXPECT_EQ(late_patch.headers.get("Job-Status"), "failed");
    const auto late_put = co_await t.put(id, token, body);
    EXPECT_EQ(late_put.status, 403);
    EXPECT_EQ(job.trace.size(), 19u);
  });
}

TEST_F(ReportsTest, AWrongChecksumAsksOnceForTheWholeLog) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    std::string shown;
    t.gitlab.on_trace([&shown](std::int64_t, std::string_view bytes) { shown += bytes; });
    const auto spoilt = co_await t.patch(id, token, "0-18", "Hello from spoilway");
    EXPECT_EQ(spoilt.status, 202);
    const auto body = final_state("success", "crc32:244a679a", 19);
    const auto refused = co_await t.put(id, token, body);
    EXPECT_EQ(refused.status, 412);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::running);
    const auto again = co_await t.patch(id, token, "0-18", "Hello from slipway\n");
    EXPECT_EQ(again.status, 202);
    const auto ended = co_await t.put(id, token, body);
    EXPECT_EQ(ended.status, 200);
    EXPECT_EQ(t.gitlab.job(id).trace, "Hello from slipway\n");
    EXPECT_EQ(t.gitlab.job(id).wrong_checksums, 1);
    EXPECT_EQ(shown, "Hello from spoilway");
  });
}

TEST_F(ReportsTest, ASecondWrongChecksumIsRecordedAndTheJobEnds) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto body = final_state("success", "crc32:00000000", 5);
    const auto first = co_await t.put(id, t.job_token(id), body);
    EXPECT_EQ(first.status, 412);
    const auto second = co_await t.put(id, t.job_token(id), body);
    EXPECT_EQ(second.status, 200);
    EXPECT_EQ(t.gitlab.job(id).wrong_checksums, 2);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::success);
  });
}

TEST_F(ReportsTest, AGracefulCancelLetsTheRunnerFinish) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    t.gitlab.cancel(id, true);
    const auto patched = co_await t.patch(id, token, "0-0", "x");
    EXPECT_EQ(patched.status, 202);
    EXPECT_EQ(patched.headers.get("Job-Status"), "canceling");
    const auto touch = co_await t.put_state(id, token, "running");
    EXPECT_EQ(touch.status, 200);
    EXPECT_EQ(touch.headers.get("Job-Status"), "canceling");
    json body{{"state", "failed"}, {"failure_reason", "job_canceled"}};
    const auto ended = co_await t.put(id, token, body);
    EXPECT_EQ(ended.status, 200);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::canceled);
    EXPECT_EQ(t.gitlab.job(id).reported_state, "failed");
    EXPECT_EQ(t.gitlab.job(id).failure_reason, "job_canceled");
  });
}

TEST_F(ReportsTest, AForcedCancelEndsTheJobForItsRunner) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    t.gitlab.cancel(id, false);
    const auto patched = co_await t.patch(id, token, "0-0", "x");
    EXPECT_EQ(patched.status, 403);
    EXPECT_EQ(patched.headers.get("Job-Status"), "canceled");
    const auto ended = co_await t.put_state(id, token, "failed");
    EXPECT_EQ(ended.status, 403);
    EXPECT_EQ(ended.headers.get("Job-Status"), "canceled");
    EXPECT_TRUE(t.gitlab.job(id).reported_state.empty());
  });
}

TEST_F(ReportsTest, ARunnerWithoutGracefulCancelGetsTheOtherKind) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-old"});
    const auto id = t.gitlab.enqueue(JobBuilder{});
    const auto taken = co_await t.runner_call("POST", "jobs/request", "glrt-old");
    EXPECT_EQ(taken.status, 201);
    t.gitlab.cancel(id, true);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::canceled);
  });
}

TEST_F(ReportsTest, AnUnknownStateIsRefused) {
  run<ReportsTest>([](ReportsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    for (const auto& state : {json("done"), json(""), json(5), json(nullptr)}) {
      const json body{{"state", state}};
      const auto reply = co_await t.put(id, t.job_token(id), body);
      EXPECT_EQ(reply.status, 400) << state;
    }
    EXPECT_EQ(t.gitlab.job(id).state, JobState::running);
  });
}

}  // namespace
}  // namespace slipway::local
