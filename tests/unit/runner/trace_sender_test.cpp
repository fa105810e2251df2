#include "runner/trace_sender.hpp"

#include "sender_fixture.hpp"

// What happens while a job runs. The numbers are those of the coordinator protocol's edge cases.
namespace slipway::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

local::Answer answer(int status, net::Headers headers = {}) {
  local::Answer result;
  result.status = status;
  result.headers = std::move(headers);
  return result;
}

TEST_F(SenderTest, AcceptanceIsAPutWithoutOutput) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    const bool accepted = co_await f.sender().accept();
    EXPECT_TRUE(accepted);
    EXPECT_EQ(f.record().updates.size(), 1u);
    EXPECT_EQ(f.record().updates[0].state, "running");
    EXPECT_EQ(f.record().updates[0].checksum, "");
    EXPECT_EQ(f.record().state, JobState::running);
    EXPECT_EQ(f.aborts + f.cancels, 0);
  };
  run<SenderTest>(test);
}

struct AcceptCase {
  int status;
  const char* job_status;
  bool accepted;
  int cancels;
};

TEST_F(SenderTest, AcceptanceMayBeRefused) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    const AcceptCase cases[] = {{409, "", true, 0},          {500, "", true, 0},
                                {403, "", false, 0},         {404, "", false, 0},
                                {200, "canceled", false, 0}, {200, "failed", false, 0},
                                {200, "canceling", true, 1}};
    for (const auto& c : cases) {
      SCOPED_TRACE(std::to_string(c.status) + c.job_status);
      co_await f.take_job();
      f.cancels = 0;
      const net::Headers headers{{"Job-Status", c.job_status}};
      f.gitlab.faults().fail_next(Endpoint::update_job, answer(c.status, headers),
                                  c.status == 500 ? 5 : 1);
      const bool accepted = co_await f.sender().accept();
      EXPECT_EQ(accepted, c.accepted);
      EXPECT_EQ(f.cancels, c.cancels);
      EXPECT_EQ(f.gitlab.faults().pending(), 0u);
    }
    EXPECT_EQ(f.aborts, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AcceptanceCanBeCancelled) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().delay_next(Endpoint::update_job, 200ms);
    auto accepting = f.sender().accept();
    bool timed_out = false;
    try {
      co_await util::with_timeout(std::move(accepting), 20ms);
    } catch (const util::TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge23RangesAdjoinAndNothingIsNotSent) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.sender().start();
    co_await f.calls_made(Endpoint::update_job, 2);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
    f.print("a");
    co_await f.calls_made(Endpoint::patch_trace, 1);
    f.print("bcd");
    co_await f.calls_made(Endpoint::patch_trace, 2);
    f.print("e");
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-0", "1-3", "4-4"));
    EXPECT_EQ(f.record().trace, "abcde");
    EXPECT_FALSE(f.record().patches[0].debug_trace);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge24OnePatchPerIntervalThenTheRestAtOnce) {
  timing.interval = 400ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print(std::string(1000, 'x'));
    const auto begin = std::chrono::steady_clock::now();
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 390ms);
    f.print(std::string(1'000'000, 'y'));
    co_await util::sleep_for(150ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
    const auto end = std::chrono::steady_clock::now();
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_LT(std::chrono::steady_clock::now() - end, 390ms);
    EXPECT_THAT(f.ranges(), ElementsAre("0-999", "1000-1000999"));
    EXPECT_EQ(f.record().trace.size(), 1'001'000u);
  };
  run<SenderTest>(test);
}

// They are as many as they would be at the job's end, and what a job prints faster than one per
// interval does not pile up.
TEST_F(SenderTest, Edge24WholePatchesDoNotWaitForTheInterval) {
  timing.interval = 5s;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.sender().start();
    f.print(std::string((3u << 20) + 5, 'x'));
    co_await f.calls_made(Endpoint::patch_trace, 3);
    EXPECT_THAT(f.ranges(), ElementsAre("0-1048575", "1048576-2097151", "2097152-3145727"));
    f.print(std::string((1u << 20) - 6, 'y'));
    co_await util::sleep_for(100ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 3u) << "one byte is missing";
    f.print("z");
    co_await f.calls_made(Endpoint::patch_trace, 4);
    EXPECT_EQ(f.ranges().back(), "3145728-4194303");
    f.print("end");
    co_await util::sleep_for(100ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 4u);
    EXPECT_EQ(f.gitlab.count(Endpoint::update_job), 0u);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace.size(), (4u << 20) + 3);
    EXPECT_EQ(f.record().wrong_checksums, 0);
  };
  run<SenderTest>(test);
}

// A coordinator that does not take them is not asked without end.
TEST_F(SenderTest, Edge24WholePatchesThatAreNotTakenWaitForTheInterval) {
  timing.interval = 100ms;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    for (const int status : {404, 416, 400}) {
      co_await f.take_job();
      f.print(std::string(3u << 20, 'x'));
      const auto before = f.gitlab.count(Endpoint::patch_trace);
      f.gitlab.faults().fail_next(Endpoint::patch_trace, status, 3);
      const auto begin = std::chrono::steady_clock::now();
      f.sender().start();
      co_await f.calls_made(Endpoint::patch_trace, before + 4);
      EXPECT_GE(std::chrono::steady_clock::now() - begin, 250ms) << status;
      const bool done = co_await f.finish();
      EXPECT_TRUE(done);
      EXPECT_EQ(f.record().trace.size(), 3u << 20);
    }
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge24WithoutACheckpointNothingIsSentAndNothingSpins) {
  int asked = 0;
  checkpoint = [&asked]() -> std::uint64_t {
    ++asked;
    throw std::runtime_error{"disk full"};
  };
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print(std::string(3u << 20, 'x'));
    f.sender().start();
    co_await util::sleep_for(5 * interval);
    co_await f.sender().stop();
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 0u);
  };
  run<SenderTest>(test);
  EXPECT_GE(asked, 1);
  EXPECT_LE(asked, 6);
}

TEST_F(SenderTest, Edge24TheFirstRoundsAreQuicker) {
  timing.interval = 10s;
  timing.early_interval = 20ms;
  timing.early_rounds = 5;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("soon\n");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 1);
    EXPECT_EQ(f.gitlab.count(Endpoint::update_job), 0u);
    co_await util::sleep_for(400ms);
    EXPECT_LE(f.gitlab.count(Endpoint::update_job), 1u) << "touches are not for the first rounds";
    f.print("late\n");
    co_await util::sleep_for(100ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "soon\nlate\n");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge25TheServersOffsetCounts) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416, {{"Range", "0-10"}}));
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416));
    std::vector<std::string> seen;
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&seen](const net::Request& head, std::string_view) -> std::optional<local::Answer> {
          seen.push_back(head.headers.get("Content-Range"));
          return seen.size() == 1 ? std::optional{answer(416)} : std::nullopt;
        });
    f.print("0123456789abcdef");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 4);
    EXPECT_THAT(seen, ElementsAre("0-15", "0-15"));
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "0123456789abcdef");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge25TheNextRangeStartsWhereTheServerSays) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    std::vector<std::string> seen;
    const net::Headers ten{{"Range", "0-10"}};
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&](const net::Request& head, std::string_view) -> std::optional<local::Answer> {
          seen.push_back(head.headers.get("Content-Range"));
          if (seen.size() == 1) return answer(416, ten);
          if (seen.size() == 2) return answer(416);
          return std::nullopt;
        });
    f.print("0123456789abcdef");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 3);
    EXPECT_THAT(seen, ElementsAre("0-15", "10-15", "0-15"));
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "0123456789abcdef");
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge25AnOffsetBeyondTheEndIsAFailureOfThatRound) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    const net::Headers beyond{{"Range", "0-1000"}};
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(416, beyond), 2);
    f.print("abc");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 3);
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_THAT(f.ranges(), ElementsAre("0-2"));
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge26APatchThatArrivedWithoutAnAnswer) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, 500, 1, local::FaultPoint::after_processing);
    f.print("hello\n");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 2);
    f.print("world\n");
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.record().trace, "hello\nworld\n");
    EXPECT_THAT(f.ranges(), ElementsAre("0-5", "0-5", "6-11"));
    EXPECT_EQ(f.record().patches[0].request_id, f.record().patches[1].request_id);
    EXPECT_EQ(f.record().wrong_checksums, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge27TheServerNamesTheInterval) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    std::string next;
    f.gitlab.faults().set_hook(
        Endpoint::patch_trace,
        [&next](const net::Request&, std::string_view) -> std::optional<local::Answer> {
          const net::Headers headers{{"X-GitLab-Trace-Update-Interval", next}};
          return answer(404, headers);
        });
    f.print("x");
    f.sender().start();
    for (const auto* ignored : {"0", "-5", "abc"}) {
      next = ignored;
      co_await f.calls_made(Endpoint::patch_trace, f.gitlab.count(Endpoint::patch_trace) + 2);
      EXPECT_EQ(f.sender().interval(), interval) << ignored;
    }
    next = "1";
    const auto before = f.gitlab.count(Endpoint::patch_trace);
    co_await f.calls_made(Endpoint::patch_trace, before + 1);
    next = "100000";
    const auto begin = std::chrono::steady_clock::now();
    co_await f.calls_made(Endpoint::patch_trace, before + 2);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 900ms);
    co_await util::sleep_for(20ms);
    EXPECT_EQ(f.sender().interval(), 900s);
    // At the end it begins anew.
    f.gitlab.faults().clear();
    const bool done = co_await f.finish();
    EXPECT_TRUE(done);
    EXPECT_EQ(f.sender().interval(), interval);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge28ASilentJobIsTouched) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("hello\n");
    f.sender().start();
    co_await f.calls_made(Endpoint::update_job, 3);
    for (const auto& touch : f.updates("running")) {
      EXPECT_EQ(touch.checksum, f.trace().checksum());
      EXPECT_EQ(touch.bytesize, 6u);
      EXPECT_EQ(touch.status, 200);
    }
    EXPECT_EQ(f.gitlab.count(Endpoint::patch_trace), 1u);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge28OneThatPrintsIsNot) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.sender().start();
    for (std::size_t i = 1; i <= 4; ++i) {
      f.print("x");
      co_await f.calls_made(Endpoint::patch_trace, i);
    }
    EXPECT_EQ(f.gitlab.count(Endpoint::update_job), 0u);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, Edge29APatchThatFindsNoJobIsTriedAgain) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, 404, 2);
    f.print("hello");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 3);
    EXPECT_EQ(f.aborts, 0);
    EXPECT_EQ(f.record().trace, "hello");
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

struct AbortCase {
  Endpoint endpoint;
  int status;
  const char* job_status;
};

TEST_F(SenderTest, Edge29WhatAborts) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    const AbortCase cases[] = {
        {Endpoint::update_job, 404, ""},          {Endpoint::update_job, 403, ""},
        {Endpoint::update_job, 200, "canceled"},  {Endpoint::patch_trace, 403, ""},
        {Endpoint::patch_trace, 202, "canceled"}, {Endpoint::patch_trace, 202, "failed"}};
    for (const auto& c : cases) {
      SCOPED_TRACE(std::to_string(c.status) + c.job_status);
      co_await f.take_job();
      f.aborts = 0;
      const net::Headers headers{{"Job-Status", c.job_status}};
      f.gitlab.faults().fail_next(c.endpoint, answer(c.status, headers));
      if (c.endpoint == Endpoint::patch_trace) f.print("x");
      f.sender().start();
      const auto until = std::chrono::steady_clock::now() + 5s;
      while (f.aborts == 0 && std::chrono::steady_clock::now() < until)
        co_await util::sleep_for(2ms);
      const auto calls = f.gitlab.calls().size();
      co_await util::sleep_for(4 * interval);
      EXPECT_EQ(f.aborts, 1);
      EXPECT_EQ(f.gitlab.calls().size(), calls) << "rounds go on after an abort";
      co_await f.sender().stop();
    }
    EXPECT_EQ(f.cancels, 0);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, CancelingIsToldAndTheRoundsGoOn) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    co_await f.sender().accept();
    f.sender().start();
    const net::Headers canceling{{"Job-Status", "canceling"}};
    f.gitlab.faults().fail_next(Endpoint::patch_trace, answer(202, canceling));
    f.print("lost");
    co_await f.calls_made(Endpoint::update_job, 2);
    EXPECT_EQ(f.cancels, 1);
    f.gitlab.faults().fail_next(Endpoint::update_job, answer(200, canceling));
    co_await f.calls_made(Endpoint::update_job, 4);
    EXPECT_EQ(f.cancels, 2);
    EXPECT_EQ(f.aborts, 0);
    co_await f.sender().stop();
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, ADebugTraceIsMarked) {
  debug_trace = true;
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.print("x");
    co_await f.finish();
    EXPECT_TRUE(f.record().patches.at(0).debug_trace);
  };
  run<SenderTest>(test);
}

TEST_F(SenderTest, AServerThatFailsIsTriedAgain) {
  const auto test = [](SenderTest& f) -> asio::awaitable<void> {
    co_await f.take_job();
    f.gitlab.faults().fail_next(Endpoint::patch_trace, 500, 5);
    f.gitlab.faults().drop_next(Endpoint::patch_trace, local::FaultPoint::before_processing, 3);
    f.print("hello");
    f.sender().start();
    co_await f.calls_made(Endpoint::patch_trace, 9);
    EXPECT_EQ(f.record().trace, "hello");
    EXPECT_EQ(f.aborts, 0);
    co_await f.sender().stop();
    EXPECT_THAT(f.updates("success"), IsEmpty());
  };
  run<SenderTest>(test);
}

}  // namespace
}  // namespace slipway::runner
