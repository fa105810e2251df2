#include <algorithm>
#include <stdexcept>

#include "log_capture.hpp"
#include "runner/trace_sender.hpp"
#include "sender_fixture.hpp"

// A job under way whose coordinator is away, and checkpoints. Numbers after `Fault` are those of
// the list of faults that the daemon must bear.
namespace slipway::runner {
namespace {

using local::Presence;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

long lines_with(const LogCapture& log, std::string_view begin) {
  const auto lines = log.lines();
  return std::count_if(lines.begin(), lines.end(),
                       [begin](const auto& line) { return line.starts_with(begin); });
}

asio::awaitable<void> aborted(SenderTest& f) {
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (f.aborts == 0 && std::chrono::steady_clock::now() < until) co_await util::sleep_for(2ms);
}

TEST_F(SenderTest, ACheckpointPrecedesEveryPatchWhichNeverPassesIt) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    std::uint64_t allowed = 4;
    std::vector<std::string> order;
    f.checkpoint = [&] {
      order.push_back("checkpoint");
      return allowed;
    };
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&order](const net::Request&, std::string_view) -> std::optional<local::Answer> {
          order.push_back("patch");
          return std::nullopt;
        });
    co_await f.take_job();
    f.print("0123456789");
    f.sender().start();
    // What may not be sent yet does not keep the rounds from looking after the job.
    co_await f.calls_made(Endpoint::update_job, 2);
    EXPECT_THAT(f.ranges(), ElementsAre("0-3"));
    EXPECT_EQ(f.sender().sent(), 4u);
    allowed = 100;
    co_await f.calls_made(Endpoint::patch_trace, 2);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-3", "4-9"));
    EXPECT_EQ(f.sender().sent(), 10u);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i] != "patch") continue;
      EXPECT_EQ(order.at(i - 1), "checkpoint") << i;
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault46ACheckpointThatCannotBeStoredStopsTheLogNotTheJob) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    bool full = true;
    f.checkpoint = [&]() -> std::uint64_t {
      if (full) throw std::runtime_error{"journal: No space left on device"};
      return 1000;
    };
    co_await f.take_job();
    f.print("hello");
    const LogCapture log;
    f.sender().start();
    co_await f.calls_made(Endpoint::update_job, 3);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
    EXPECT_EQ(lines_with(log, "error the log cannot be sent for now: journal: No space"), 1);
    auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::later);
    full = false;
    result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace, "hello");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ALaterProcessGoesOnWhereTheCoordinatorAcknowledged) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.sender().start();
    f.print("hello ");
    co_await f.calls_made(Endpoint::patch_trace, 1);
    co_await f.sender().stop();
    f.sent = f.sender().sent();
    EXPECT_EQ(f.sent, 6u);
    f.print("world\n");
    f.make_sender();
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 2);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-5", "6-11"));
    EXPECT_EQ(f.record().trace, "hello world\n");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault09TheCoordinatorHasMoreThanWasAcknowledged) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("hello ");
    // Twice: a request on a kept connection is repeated on a new one.
    f.gitlab.faults().drop_next(Endpoint::patch_trace, local::FaultPoint::after_processing, 2);
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 2);
    co_await f.sender().stop();
    EXPECT_EQ(f.sender().sent(), 0u);
    f.print("world\n");
    f.make_sender();
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 4);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-5", "0-5", "0-11", "6-11"));
    EXPECT_EQ(f.record().trace, "hello world\n");
    EXPECT_EQ(f.record().wrong_checksums, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault09TheCoordinatorHasLessThanItAcknowledged) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("hello ");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    f.gitlab.cut_trace(f.job, 2);
    f.print("world\n");
    co_await f.calls_made(Endpoint::patch_trace, 3);
    co_await util::sleep_for(interval);
    EXPECT_EQ(f.sender().sent(), 12u);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-5", "6-11", "2-11"));
    EXPECT_EQ(f.record().trace, "hello world\n");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AnAcknowledgedOffsetBeyondTheLogIsTheLogsEnd) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    f.sent = 100;
    co_await f.take_job();
    EXPECT_EQ(f.sender().sent(), 0u);
    f.print("hello");
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "hello");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault15AwayWhileTheJobRunsItIsAskedLessOftenAndToldOnce) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    const LogCapture log;
    f.sender().start();
    f.print("before\n");
    co_await f.calls_made(Endpoint::patch_trace, 1);
    f.gitlab.set_presence(Presence::failing);
    f.print("meanwhile\n");
    co_await util::sleep_for(30 * interval);
    // 5 HTTP attempts per round: 30 rounds at the interval, about 6 with growing pauses.
    const auto calls = f.gitlab.count(Endpoint::patch_trace) - 1;
    EXPECT_GE(calls, 10u);
    EXPECT_LE(calls, 50u);
    f.gitlab.set_presence(Presence::refusing);
    co_await util::sleep_for(5 * interval);
    EXPECT_EQ(f.sender().sent(), 7u);
    f.gitlab.set_presence(Presence::there);
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (f.sender().sent() < 17 && std::chrono::steady_clock::now() < until)
      co_await util::sleep_for(2ms);
    EXPECT_EQ(f.record().trace, "before\nmeanwhile\n");
    EXPECT_EQ(lines_with(log, "warning"), 1);
    EXPECT_EQ(lines_with(log, "info the coordinator is back"), 1);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.aborts + f.cancels, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault15AwayAtTheStartTheJobIsAcceptedBeforeItsLogIsSent) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const auto presence : {Presence::refusing, Presence::failing, Presence::hanging}) {
      SCOPED_TRACE(static_cast<int>(presence));
      co_await f.take_job();
      f.gitlab.set_presence(presence);
      co_await util::sleep_for(10ms);
      const auto begin = std::chrono::steady_clock::now();
      const bool accepted = co_await f.sender().accept();
      EXPECT_TRUE(accepted) << "the job runs all the same";
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
      EXPECT_FALSE(f.sender().accepted());
      f.sender().start();
      f.print("hello");
      co_await util::sleep_for(2 * interval);
      f.gitlab.set_presence(Presence::there);
      const auto until = std::chrono::steady_clock::now() + 5s;
      while (f.sender().sent() < 5 && std::chrono::steady_clock::now() < until)
        co_await util::sleep_for(2ms);
      EXPECT_TRUE(f.sender().accepted());
      const bool done = co_await f.finish();
      EXPECT_TRUE(done);
      EXPECT_EQ(f.updates("running").front().checksum, "");
      EXPECT_LE(f.updates("running").front().at, f.record().patches.front().at);
      EXPECT_EQ(f.record().trace, "hello");
      EXPECT_EQ(f.record().state, JobState::success);
    }
  };
  timing.accept_limit = 100ms;
  limit_answers(150ms);
  run<SenderTest>(test);
}

TEST_F(SenderTest, AnAcceptanceThatWasRefusedIsNotRepeated) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::update_job, 409);
    const bool accepted = co_await f.sender().accept();
    EXPECT_TRUE(accepted);
    EXPECT_TRUE(f.sender().accepted());
    f.print("x");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    EXPECT_EQ(f.gitlab.count(Endpoint::update_job), 1u);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ALateAcceptanceMayFindTheJobGone) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().drop_next(Endpoint::update_job, local::FaultPoint::before_processing, 2);
    f.gitlab.faults().fail_next(Endpoint::update_job, 403);
    co_await f.sender().accept();
    f.print("x");
    f.sender().start();
    co_await aborted(f);
    co_await util::sleep_for(3 * interval);
    EXPECT_EQ(f.aborts, 1);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AJobThatNeitherEndpointKnowsIsGivenUpAtOnce) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const int status : {404, 410}) {
      SCOPED_TRACE(status);
      co_await f.take_job();
      f.aborts = 0;
      f.gitlab.faults().fail_next(Endpoint::patch_trace, status);
      f.gitlab.faults().fail_next(Endpoint::update_job, status);
      f.print("x");
      f.sender().start();
      co_await aborted(f);
      EXPECT_EQ(f.aborts, 1);
      EXPECT_EQ(f.gitlab.faults().pending(), 0u);
      co_await f.sender().stop();
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault06ARoundThatHangsDoesNotKeepTheEndBack) {
  timing.stop_limit = 100ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.set_presence(Presence::hanging);
    f.print("hello");
    f.sender().start();
    co_await util::sleep_for(3 * interval);
    const auto begin = std::chrono::steady_clock::now();
    co_await f.sender().stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    f.gitlab.set_presence(Presence::there);
    const auto result = co_await f.deliver();
    EXPECT_EQ(result, Delivery::delivered);
    EXPECT_EQ(f.record().trace, "hello");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Fault06ACallThatHangsIsGivenUpAndMadeAgain) {
  limit_answers(100ms);
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    // Taken, and never answered.
    f.gitlab.faults().delay_next(Endpoint::patch_trace, 10s);
    f.print("hello");
    const LogCapture log;
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    EXPECT_EQ(f.record().trace, "hello");
    EXPECT_THAT(log.lines(),
                Contains(AllOf(StartsWith("warning sending the log"), HasSubstr("no answer"))));
    co_await f.sender().stop();
    EXPECT_THAT(f.updates("success"), IsEmpty());
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, TheRoundsEndWithTheirCaller) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.set_presence(Presence::hanging);
    f.print("hello");
    f.sender().start();
    co_await util::sleep_for(3 * interval);
    auto stopping = f.sender().stop();
    const auto begin = std::chrono::steady_clock::now();
    bool cancelled = false;
    try {
      co_await util::with_timeout(std::move(stopping), 20ms);
    } catch (const util::TimeoutError&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    f.gitlab.set_presence(Presence::there);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "hello");
  };
  run<SenderTest>(test);
}

}  // namespace
}  // namespace slipway::runner
