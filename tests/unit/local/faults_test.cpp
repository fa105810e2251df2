#include <gmock/gmock.h>

#include "support.hpp"

namespace slipway::local {
namespace {

using ::testing::HasSubstr;

class FaultsTest : public CoordinatorTest {
 public:
  /// The status of a verify call, 0 when no whole answer came.
  asio::awaitable<int> verify() {
    int status = 0;
    try {
      const auto reply = co_await runner_call("POST", "runners/verify", "glrt-one");
      status = reply.status;
    } catch (const net::Error&) {
      status = 0;
    }
    co_return status;
  }
};

TEST_F(FaultsTest, FailuresAreUsedUpInOrder) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.faults().fail_next(Endpoint::verify_runner, 500, 2);
    t.gitlab.faults().fail_next(Endpoint::verify_runner, 429);
    EXPECT_EQ(t.gitlab.faults().pending(), 3u);
    for (const int want : {500, 500, 429, 200}) {
      const auto status = co_await t.verify();
      EXPECT_EQ(status, want);
    }
    EXPECT_EQ(t.gitlab.faults().pending(), 0u);
    EXPECT_EQ(t.gitlab.calls().front().status, 500);
  });
}

TEST_F(FaultsTest, AnAnswerIsSentAsGiven) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    Answer page;
    page.status = 502;
    page.body = "<html>502 Bad Gateway</html>";
    page.content_type = "text/html";
    page.headers.set("Retry-After", "1");
    t.gitlab.faults().fail_next(Endpoint::request_job, page);
    const auto reply = co_await t.request_job("glrt-one");
    EXPECT_EQ(reply.status, 502);
    EXPECT_EQ(reply.headers.get("Content-Type"), "text/html");
    EXPECT_EQ(reply.headers.get("Retry-After"), "1");
    EXPECT_EQ(reply.body, "<html>502 Bad Gateway</html>");
  });
}

TEST_F(FaultsTest, AnAppliedPatchMayBeAnsweredByAnError) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    t.gitlab.faults().fail_next(Endpoint::patch_trace, 500, 1, FaultPoint::after_processing);
    const auto failed = co_await t.patch(id, t.job_token(id), "0-4", "hello");
    EXPECT_EQ(failed.status, 500);
    EXPECT_EQ(t.gitlab.job(id).trace, "hello");
    const auto repeated = co_await t.patch(id, t.job_token(id), "0-4", "hello");
    EXPECT_EQ(repeated.status, 416);
    EXPECT_EQ(repeated.headers.get("Range"), "0-5");
  });
}

TEST_F(FaultsTest, TheFinalPutHasFaultsOfItsOwn) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    t.gitlab.faults().fail_next(Endpoint::finish_job, 202, 2);
    const auto touch = co_await t.put_state(id, t.job_token(id), "running");
    EXPECT_EQ(touch.status, 200);
    for (const int want : {202, 202, 200}) {
      const auto ended = co_await t.put_state(id, t.job_token(id), "success");
      EXPECT_EQ(ended.status, want);
    }
    EXPECT_EQ(t.gitlab.count(Endpoint::finish_job), 3u);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::success);
  });
}

TEST_F(FaultsTest, ConnectionsAreDroppedAtEachPoint) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    const auto token = t.job_token(id);
    struct Case {
      const char* what;
      FaultPoint point;
      std::size_t stored;
    };
    const Case cases[] = {
        {"before", FaultPoint::before_processing, 0},
        {"after", FaultPoint::after_processing, 1},
        {"within the answer", FaultPoint::mid_body, 2},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(c.what);
      // Twice: a request on a kept-alive connection that is closed without an answer may be
      // repeated once by the client.
      t.gitlab.faults().drop_next(Endpoint::patch_trace, c.point, 2);
      const auto size = t.gitlab.job(id).trace.size();
      auto range = std::to_string(size) + "-" + std::to_string(size);
      bool failed = false;
      try {
        const auto reply = co_await t.patch(id, token, range, "x");
        EXPECT_EQ(reply.status, -1);
      } catch (const net::Error&) {
        failed = true;
      }
      EXPECT_TRUE(failed);
      EXPECT_EQ(t.gitlab.job(id).trace.size(), c.stored);
      t.gitlab.faults().clear();
    }
  });
}

TEST_F(FaultsTest, ADelayHoldsTheCall) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.faults().delay_next(Endpoint::verify_runner, 60ms);
    t.gitlab.faults().fail_next(Endpoint::verify_runner, 503);
    const auto before = std::chrono::steady_clock::now();
    const auto slow = co_await t.verify();
    EXPECT_EQ(slow, 503);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 60ms);
    const auto quick = co_await t.verify();
    EXPECT_EQ(quick, 200);
  });
}

TEST_F(FaultsTest, AHookSeesTheRequest) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    std::string seen;
    t.gitlab.faults().set_hook(
        Endpoint::verify_runner,
        [&seen](const net::Request& head, std::string_view body) -> std::optional<Answer> {
          seen = head.method + " " + std::string{body};
          if (head.headers.find("Accept")) return std::nullopt;
          Answer plain;
          plain.status = 200;
          plain.content_type = "text/plain";
          plain.body = "200";
          return plain;
        });
    const auto reply = co_await t.runner_call("POST", "runners/verify", "glrt-one");
    EXPECT_EQ(reply.body, "200");
    EXPECT_EQ(seen, R"(POST {"token":"glrt-one"})");
    t.gitlab.faults().set_hook(Endpoint::verify_runner, {});
    const auto normal = co_await t.runner_call("POST", "runners/verify", "glrt-one");
    EXPECT_THAT(normal.body, HasSubstr("\"id\""));
  });
}

TEST_F(FaultsTest, ThePayloadFilterMaySpoilThePayload) {
  run<FaultsTest>([](FaultsTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.set_payload_filter([](std::string text) { return text + "\xff"; });
    t.gitlab.enqueue(JobBuilder{});
    const auto reply = co_await t.request_job("glrt-one");
    EXPECT_EQ(reply.status, 201);
    EXPECT_EQ(reply.body.back(), '\xff');
  });
}

}  // namespace
}  // namespace slipway::local
