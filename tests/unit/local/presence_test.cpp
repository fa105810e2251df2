#include <gmock/gmock.h>

#include <optional>

#include "support.hpp"
#include "util/task_group.hpp"

// A coordinator that is away, in every way in which it can be.
namespace slipway::local {
namespace {

class PresenceTest : public CoordinatorTest {
 public:
  /// The status of a verify call; 0: no answer; -1: no connection.
  asio::awaitable<int> verify() {
    int status = 0;
    try {
      const auto reply = co_await runner_call("POST", "runners/verify", "glrt-one");
      status = reply.status;
    } catch (const net::Error& error) {
      status = error.step() == net::Step::connect ? -1 : 0;
    }
    co_return status;
  }
  asio::awaitable<void> verify_into(std::optional<int>* status) { *status = co_await verify(); }
  /// As verify(); nullopt when nothing happens for `limit`.
  asio::awaitable<std::optional<int>> verify_within(std::chrono::milliseconds limit) {
    std::optional<int> status;
    auto call = verify_into(&status);
    try {
      co_await util::with_timeout(std::move(call), limit);
    } catch (const util::TimeoutError&) {
      status.reset();
    }
    co_return status;
  }
};

TEST_F(PresenceTest, ClosedPortsRefuseAndOpenAgain) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    for (int round = 0; round < 3; ++round) {
      const auto before = co_await t.verify();
      EXPECT_EQ(before, 200);
      t.gitlab.set_presence(Presence::refusing);
      co_await util::sleep_for(20ms);
      for (int i = 0; i < 3; ++i) {
        const auto away = co_await t.verify();
        EXPECT_EQ(away, -1);
      }
      t.gitlab.set_presence(Presence::there);
      co_await util::sleep_for(20ms);
    }
    const auto back = co_await t.verify();
    EXPECT_EQ(back, 200);
    EXPECT_EQ(t.gitlab.count(Endpoint::verify_runner), 4u);
  });
}

TEST_F(PresenceTest, ClosingCutsWhatIsUnderWay) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.faults().delay_next(Endpoint::verify_runner, 10s);
    std::optional<int> status;
    util::TaskGroup calls{t.io.get_executor()};
    calls.start(t.verify_into(&status));
    co_await util::sleep_for(50ms);
    t.gitlab.set_presence(Presence::refusing);
    co_await calls.join();
    EXPECT_EQ(status, 0);
  });
}

TEST_F(PresenceTest, AHangingOneTakesRequestsAndAnswersNone) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.set_presence(Presence::hanging);
    const auto nothing = co_await t.verify_within(100ms);
    EXPECT_EQ(nothing, std::nullopt);
    std::optional<int> held;
    util::TaskGroup calls{t.io.get_executor()};
    calls.start(t.verify_into(&held));
    co_await util::sleep_for(50ms);
    EXPECT_EQ(held, std::nullopt);
    t.gitlab.set_presence(Presence::there);
    co_await calls.join();
    EXPECT_EQ(held, 0) << "cut";
    const auto back = co_await t.verify();
    EXPECT_EQ(back, 200);
  });
}

TEST_F(PresenceTest, AFailingOneAnswers503) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    t.gitlab.set_presence(Presence::failing);
    const auto failed = co_await t.patch(id, t.job_token(id), "0-4", "hello");
    EXPECT_EQ(failed.status, 503);
    EXPECT_EQ(t.gitlab.job(id).trace, "");
    t.gitlab.set_presence(Presence::there);
    const auto taken = co_await t.patch(id, t.job_token(id), "0-4", "hello");
    EXPECT_EQ(taken.status, 202);
  });
}

TEST_F(PresenceTest, LostAnswersAreThoseOfThingsDone) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    t.gitlab.set_presence(Presence::losing_answers);
    bool lost = false;
    try {
      co_await t.patch(id, t.job_token(id), "0-4", "hello");
    } catch (const net::Error&) {
      lost = true;
    }
    EXPECT_TRUE(lost);
    EXPECT_EQ(t.gitlab.job(id).trace, "hello");
    t.gitlab.set_presence(Presence::there);
    const auto repeated = co_await t.patch(id, t.job_token(id), "0-4", "hello");
    EXPECT_EQ(repeated.status, 416);
  });
}

TEST_F(PresenceTest, ACutTraceGoesOnWhereItEnds) {
  run<PresenceTest>([](PresenceTest& t) -> asio::awaitable<void> {
    const auto id = co_await t.running_job();
    co_await t.patch(id, t.job_token(id), "0-10", "hello world");
    t.gitlab.cut_trace(id, 5);
    t.gitlab.cut_trace(id, 50);
    const auto gap = co_await t.patch(id, t.job_token(id), "11-11", "!");
    EXPECT_EQ(gap.status, 416);
    EXPECT_EQ(gap.headers.get("Range"), "0-5");
    co_await t.patch(id, t.job_token(id), "5-12", " slipway");
    json end{{"state", "success"}, {"output", {{"checksum", "crc32:59e6c517"}, {"bytesize", 13}}}};
    const auto ended = co_await t.put(id, t.job_token(id), end);
    EXPECT_EQ(ended.status, 200) << t.gitlab.job(id).trace;
    EXPECT_EQ(t.gitlab.job(id).wrong_checksums, 0);
  });
}

}  // namespace
}  // namespace slipway::local
