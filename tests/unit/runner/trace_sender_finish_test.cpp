#include <filesystem>

#include "runner/trace_sender.hpp"
#include "sender_fixture.hpp"

// How the log and the final state reach the coordinator at a job's end.
namespace slipway::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

local::Answer answer(int status, net::Headers headers = {}) {
  local::Answer result;
  result.status = status;
  result.headers = std::move(headers);
  return result;
}

TEST_F(SenderTest, Edge45TheLastBytesPrecedeTheOnlyFinalPut) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().delay_next(Endpoint::patch_trace, 100ms);
    f.sender().start();
    f.print("in flight\n");
    co_await util::sleep_for(2 * interval);
    f.print("the end\n");
    const bool done = co_await f.finish("failed");
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "in flight\nthe end\n");
    const auto updates = f.updates("failed");
    EXPECT_THAT(updates, SizeIs(1));
    EXPECT_EQ(updates.at(0).checksum, f.trace().checksum());
    EXPECT_EQ(updates.at(0).bytesize, f.trace().size());
    EXPECT_GE(updates.at(0).at, f.record().patches.back().at);
    EXPECT_THAT(f.ranges(), ElementsAre("0-9", "10-17"));
    // Later calls change nothing.
    gitlab_api::JobUpdate again;
    again.state = "success";
    const bool same = co_await f.sender().finish(again);
    EXPECT_TRUE(same);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 1u);
    EXPECT_EQ(f.record().state, JobState::failed);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AnEmptyLogIsFinishedWithoutAPatch) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
    EXPECT_EQ(f.updates("success").at(0).checksum, "crc32:00000000");
    EXPECT_FALSE(f.updates("success").at(0).bytesize);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge30NotCompletedIsAskedAgainAndNotCounted) {
  final_tries = 1;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::finish_job, answer(202), 2);
    f.print("x");
    const auto begin = std::chrono::steady_clock::now();
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2 * interval);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 3u);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
    EXPECT_EQ(f.record().state, JobState::success);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge30AfterA412TheWholeLogComesAgain) {
  final_tries = 1;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    // The coordinator holds something else than the runner thinks it sent.
    bool spoilt = false;
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&spoilt](const net::Request&, std::string_view) -> std::optional<local::Answer> {
          if (spoilt) return std::nullopt;
          spoilt = true;
          return answer(202);
        });
    f.print("hello");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-4"));
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 2u);
    EXPECT_EQ(f.record().wrong_checksums, 1);
    EXPECT_EQ(f.record().trace, "hello");
    EXPECT_EQ(f.record().state, JobState::success);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge31TheRoundsAreLimited) {
  final_tries = 3;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::finish_job, 500, 1000);
    f.print("x");
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    // Five HTTP attempts each.
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 15u);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge31ALimitBelowOneIsTen) {
  final_tries = 0;
  timing.interval = 1ms;
  timing.first_retry = 1ms;
  timing.longest_retry = 2ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::finish_job, 500, 1000);
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 50u);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AnOffsetBeyondTheEndCountsAgainstTheLimit) {
  final_tries = 2;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    const net::Headers beyond{{"Range", "0-99"}};
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416, beyond), 1000);
    f.print("x");
    const bool done = co_await f.finish();
    EXPECT_FALSE(done);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 2u);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 0u);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AMismatchAtTheEndIsNotCounted) {
  final_tries = 1;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416), 4);
    f.print("hello");
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "hello");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ALogThatIsNotWantedDoesNotKeepTheStateBack) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const int status : {403, 404}) {
      SCOPED_TRACE(status);
      co_await f.take_job();
      f.gitlab.faults().fail_next(Endpoint::patch_trace, status);
      f.gitlab.faults().fail_next(Endpoint::finish_job, 403);
      f.print("x");
      const bool done = co_await f.finish("failed");
      EXPECT_TRUE(done);
      EXPECT_EQ(f.gitlab.faults().pending(), 0u);
      EXPECT_EQ(f.record().trace, "");
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AfterAnAbortOnePatchAndOnePut) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    co_await f.sender().accept();
    f.sender().start();
    f.gitlab.cancel(f.job, false);
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (f.aborts == 0 && std::chrono::steady_clock::now() < until) co_await util::sleep_for(2ms);
    EXPECT_EQ(f.aborts, 1);
    f.print("Job failed: canceled\n");
    const bool done = co_await f.finish("failed");
    EXPECT_TRUE(done);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 1u);
    EXPECT_EQ(f.aborts, 1) << "the end of an aborted job is no second abort";
    EXPECT_EQ(f.record().state, JobState::canceled);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, CancelingInTheFinalAnswersHasNoEffect) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    co_await f.sender().accept();
    f.gitlab.cancel(f.job, true);
    f.print("x");
    const bool done = co_await f.finish("failed");
    EXPECT_TRUE(done);
    EXPECT_EQ(f.cancels + f.aborts, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, FinishCanBeCancelled) {
  timing.interval = 10s;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::finish_job, answer(202), 1000);
    f.print("x");
    auto finishing = f.finish();
    bool timed_out = false;
    const auto begin = std::chrono::steady_clock::now();
    try {
      co_await util::with_timeout(std::move(finishing), 100ms);
    } catch (const util::TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 1u);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, StopWaitsForTheRoundUnderWayAndSendsNothingMore) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().delay_next(Endpoint::patch_trace, 100ms);
    f.sender().start();
    f.print("hello");
    co_await util::sleep_for(2 * interval);
    f.print(" and more");
    co_await f.sender().stop();
    EXPECT_EQ(f.record().trace, "hello");
    const auto calls = f.gitlab.calls().size();
    co_await util::sleep_for(3 * interval);
    EXPECT_EQ(f.gitlab.calls().size(), calls);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ASpoolThatCannotBeReadCostsTheLogNotTheState) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("hello");
    std::filesystem::resize_file(f.dir.path() / "spool", 0);
    f.sender().start();
    co_await util::sleep_for(2 * interval);
    const bool done = co_await f.finish("failed");
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().state, JobState::failed);
    EXPECT_THAT(f.ranges(), IsEmpty());
    EXPECT_EQ(f.updates("failed").at(0).checksum, "");
  };
  run<SenderTest>(test);
}

}  // namespace
}  // namespace slipway::runner
