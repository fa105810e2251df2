#include "log_capture.hpp"
#include "runner/trace_sender.hpp"
#include "sender_fixture.hpp"

// The end of a job that the coordinator could not take when it came.
namespace slipway::runner {
namespace {

using local::Presence;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

local::Answer answer(int status, net::Headers headers = {}) {
  local::Answer result;
  result.status = status;
  result.headers = std::move(headers);
  return result;
}

std::size_t accepted_states(const SenderTest& f) {
  std::size_t count = 0;
  for (const auto* state : {"success", "failed"})
    for (const auto& update : f.updates(state)) count += update.status == 200;
  return count;
}

TEST_F(SenderTest, Fault15AwayOverTheEndLogAndStateComeAfterwards) {
  final_tries = 2;
  limit_answers(100ms);
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const auto presence : {Presence::refusing, Presence::failing, Presence::hanging}) {
      SCOPED_TRACE(static_cast<int>(presence));
      co_await f.take_job();
      co_await f.sender().accept();
      f.sender().start();
      f.print("hello\n");
      co_await util::sleep_for(2 * interval);
      f.gitlab.set_presence(presence);
      co_await util::sleep_for(10ms);
      f.print("the end\n");
      const bool done = co_await f.finish();
      EXPECT_FALSE(done);
      auto result = co_await f.deliver();
      EXPECT_EQ(result, Delivery::later);
      EXPECT_FALSE(is_done(result));
      f.gitlab.set_presence(Presence::there);
      co_await util::sleep_for(10ms);
      result = co_await f.deliver();
      EXPECT_EQ(result, Delivery::delivered);
      EXPECT_EQ(f.record().trace, "hello\nthe end\n");
      EXPECT_EQ(f.record().state, JobState::success);
      EXPECT_EQ(f.record().wrong_checksums, 0);
      const auto calls = f.gitlab.calls().size();
      result = co_await f.deliver("failed");
      EXPECT_EQ(result, Delivery::delivered);
      const bool again = co_await f.finish("failed");
      EXPECT_TRUE(again);
      EXPECT_EQ(f.gitlab.calls().size(), calls) << "once per process";
      EXPECT_EQ(accepted_states(f), 1u);
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault15AwayOverTheWholeLifeOfTheJob) {
  final_tries = 1;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.set_presence(Presence::refusing);
    co_await util::sleep_for(10ms);
    co_await f.sender().accept();
    f.sender().start();
    const std::string big(2'500'000, 'x');
    f.print(big);
    co_await util::sleep_for(4 * interval);
    f.print("\nthe end\n");
    const bool done = co_await f.finish("failed");
    EXPECT_FALSE(done);
    f.sent = f.sender().sent();
    f.accepted = f.sender().accepted();
    EXPECT_EQ(f.sent, 0u);
    EXPECT_FALSE(f.accepted);
    // The process ends here; the next one finds the coordinator back.
    f.make_sender();
    f.gitlab.set_presence(Presence::there);
    co_await util::sleep_for(10ms);
    const auto result = co_await f.deliver("failed");
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace, big + "\nthe end\n");
    EXPECT_THAT(f.record().patches, SizeIs(3));
    EXPECT_THAT(f.updates("running"), SizeIs(1)) << "accepted first";
    EXPECT_EQ(accepted_states(f), 1u);
    EXPECT_EQ(f.record().state, JobState::failed);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault10AnEndWhoseAnswersAreAllLostIsThereOnce) {
  final_tries = 3;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("hello\n");
    f.gitlab.set_presence(Presence::losing_answers);
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    f.gitlab.set_presence(Presence::there);
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace, "hello\n");
    EXPECT_EQ(f.record().state, JobState::success);
    EXPECT_EQ(accepted_states(f), 1u);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault10APieceWhoseAnswerWasLostCostsNoPause) {
  timing.interval = 10s;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, 500, 1, local::FaultPoint::after_processing);
    f.print(std::string(1'500'000, 'x'));
    const auto begin = std::chrono::steady_clock::now();
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_THAT(f.ranges(), ElementsAre("0-1048575", "0-1048575", "1048576-1499999"));
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault43ADeliveryRepeatedByALaterProcessIsHarmless) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const auto* state : {"success", "failed"}) {
      SCOPED_TRACE(state);
      f.sent = 0;
      co_await f.take_job();
      f.print("hello\n");
      const bool done = co_await f.finish(state);
      EXPECT_TRUE(done);
      // Killed before it could note that: nothing of it is known.
      for (const std::uint64_t sent : {0u, 6u}) {
        f.sent = sent;
        f.make_sender();
        const auto result = co_await f.deliver(state);
        EXPECT_EQ(result, Delivery::delivered) << sent;
      }
      EXPECT_EQ(f.record().trace, "hello\n");
      EXPECT_EQ(accepted_states(f), 1u);
    }
  };
  run<SenderTest>(test);
}

struct AnswerCase {
  int status;
  const char* job_status;
  const char* state;
  Delivery result;
};

TEST_F(SenderTest, WhatTheAnswerToTheStateMeans) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    const AnswerCase cases[] = {
        {200, "", "success", Delivery::delivered},
        {200, "success", "success", Delivery::delivered},
        {200, "failed", "failed", Delivery::delivered},
        {200, "canceled", "failed", Delivery::delivered},
        {403, "success", "success", Delivery::delivered},
        {403, "failed", "failed", Delivery::delivered},
        {403, "", "success", Delivery::not_wanted},
        {403, "canceled", "success", Delivery::not_wanted},
        {403, "failed", "success", Delivery::not_wanted},
        {404, "", "success", Delivery::not_wanted},
        {410, "", "success", Delivery::not_wanted},
        {500, "", "success", Delivery::later},
        {501, "", "success", Delivery::later},
        {503, "", "success", Delivery::later},
        {429, "", "success", Delivery::later},
        {400, "", "success", Delivery::refused},
        {401, "", "success", Delivery::refused},
        {409, "", "success", Delivery::refused},
    };
    for (const auto& c : cases) {
      SCOPED_TRACE(std::to_string(c.status) + c.job_status);
      co_await f.take_job();
      const net::Headers headers{{"Job-Status", c.job_status}};
      f.gitlab.faults().fail_next(Endpoint::finish_job, answer(c.status, headers), 5);
      f.print("x");
      const auto result = co_await f.deliver(c.state);
      EXPECT_EQ(result, c.result);
      f.gitlab.faults().clear();
      const auto calls = f.gitlab.count(Endpoint::finish_job);
      const auto next = co_await f.deliver(c.state);
      if (is_done(c.result)) {
        EXPECT_EQ(next, c.result);
        EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), calls);
      } else {
        EXPECT_EQ(next, Delivery::delivered);
      }
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AJobThatIsGoneNeedsNoLog) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.accepted = false;
    f.make_sender();
    f.print("x");
    f.gitlab.cancel(f.job, false);
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::not_wanted);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 0u);
    EXPECT_EQ(f.aborts, 0) << "its end is no abort";
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault14EndlessNotCompletedIsATryThatFailed) {
  timing.interval = 1ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::finish_job, answer(202), 1000);
    f.print("x");
    auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::later);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 101u);
    f.gitlab.faults().clear();
    result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault14AfterFour412TheStateGoesWithoutAChecksum) {
  timing.interval = 1ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().set_hook(
        Endpoint::finish_job,
        [&f](const net::Request&, std::string_view body) -> std::optional<local::Answer> {
          if (body.find("crc32") == std::string_view::npos) return std::nullopt;
          f.gitlab.cut_trace(f.job, 0);
          return answer(412);
        });
    f.print("hello");
    const LogCapture log;
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_THAT(f.ranges(), ElementsAre("0-4", "0-4", "0-4", "0-4"));
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 4u);
    EXPECT_EQ(f.record().trace, "hello");
    EXPECT_EQ(f.record().state, JobState::success);
    EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("without the log's checksum")));
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault14EndlessMismatchesAreATryThatFailed) {
  timing.interval = 1ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    // Takes every piece and loses it again.
    bool take = true;
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&take](const net::Request&, std::string_view) -> std::optional<local::Answer> {
          take = !take;
          return take ? answer(202) : answer(416);
        });
    f.print(std::string(3u << 20, 'x'));
    auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::later);
    EXPECT_LE(f.gitlab.count(Endpoint::patch_trace), 42u);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 0u);
    f.gitlab.faults().clear();
    result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace.size(), 3u << 20);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault09ACoordinatorWithMoreThanTheWholeLogGetsTheStateAlone) {
  final_tries = 2;
  timing.interval = 1ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416, {{"Range", "0-99"}}), 1000);
    f.print("x");
    const LogCapture log;
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 3u);
    EXPECT_EQ(f.updates("success").at(0).checksum, "");
    EXPECT_FALSE(f.updates("success").at(0).bytesize);
    EXPECT_EQ(f.record().state, JobState::success);
    EXPECT_THAT(log.lines().back(), HasSubstr("more than the whole log"));
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ALogThatIsRefusedDoesNotKeepTheStateBackForEver) {
  final_tries = 1;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, 400, 1000);
    f.print("x");
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.updates("success").at(0).checksum, "");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ADeliveryCanBeCancelledAnywhereAndMadeAgain) {
  timing.interval = 10s;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    const auto hang = [&f] { f.gitlab.set_presence(Presence::hanging); };
    const auto lose_patch = [&f] { f.gitlab.faults().delay_next(Endpoint::patch_trace, 10s); };
    const auto lose_put = [&f] { f.gitlab.faults().delay_next(Endpoint::update_job, 10s); };
    const auto not_completed = [&f] {
      f.gitlab.faults().fail_next(Endpoint::finish_job, answer(202));
    };
    const auto mismatch = [&f] { f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416)); };
    const std::function<void()> obstacles[] = {hang, lose_patch, lose_put, not_completed, mismatch};
    int number = 0;
    for (const auto& obstacle : obstacles) {
      SCOPED_TRACE(number++);
      co_await f.take_job();
      f.print("hello");
      obstacle();
      std::chrono::milliseconds took{0};
      const bool cancelled = co_await f.deliver_cancelled(200ms, &took);
      EXPECT_TRUE(cancelled);
      EXPECT_LT(took, 1200ms);
      f.gitlab.set_presence(Presence::there);
      f.gitlab.faults().clear();
      const auto result = co_await f.deliver();
      EXPECT_EQ(result, Delivery::delivered);
      EXPECT_EQ(f.record().trace, "hello");
      EXPECT_EQ(accepted_states(f), 1u);
      EXPECT_EQ(f.record().wrong_checksums, 0);
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ACancelledFinishIsGoneOnWithByDeliver) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.set_presence(Presence::hanging);
    f.sender().start();
    f.print("hello");
    co_await util::sleep_for(3 * interval);
    const auto begin = std::chrono::steady_clock::now();
    auto finishing = f.finish("failed");
    bool cancelled = false;
    try {
      co_await util::with_timeout(std::move(finishing), 100ms);
    } catch (const util::TimeoutError&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    f.gitlab.set_presence(Presence::there);
    const auto result = co_await f.deliver("failed");
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace, "hello");
    EXPECT_EQ(accepted_states(f), 1u);
  };
  run<SenderTest>(test);
}

}  // namespace
}  // namespace slipway::runner
