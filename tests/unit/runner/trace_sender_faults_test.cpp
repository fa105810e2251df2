// Faults that come and go while a job prints: its log and its end arrive, byte for byte, once.

#include "sender_fixture.hpp"

namespace slipway::runner {
namespace {

using Inject = void (*)(SenderTest&);

class SenderFaults : public SenderTest {
 public:
  /// Prints a log of 40 lines, with the fault from the 10th to the 30th, and ends the job.
  asio::awaitable<void> survive(Inject begin, Inject end) {
    co_await take_job();
    EXPECT_TRUE(co_await sender().accept());
    sender().start();
    std::string want;
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < 40; ++i) {
      if (i == 10) begin(*this);
      if (i == 30) end(*this);
      const auto line = "line " + std::to_string(i) + std::string(1000, 'x') + "\n";
      want += line;
      print(line);
      co_await util::sleep_for(10ms);
    }
    bool done = co_await finish();
    for (int i = 0; !done && i < 20; ++i) {
      co_await util::sleep_for(20ms);
      done = is_done(co_await deliver());
    }
    EXPECT_TRUE(done);
    EXPECT_LT(std::chrono::steady_clock::now() - started, 8s);
    EXPECT_EQ(record().trace, want);
    EXPECT_EQ(record().state, JobState::success);
    EXPECT_EQ(record().wrong_checksums, 0);
    EXPECT_EQ(aborts, 0);
    const auto ends = updates("success");
    EXPECT_EQ(ends.back().bytesize, want.size());
  }
};

void nothing(SenderTest&) {}

void back(SenderTest& f) {
  f.gitlab.set_presence(local::Presence::there);
}

TEST_F(SenderFaults, Fault01Refused) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject away = [](SenderTest& t) { t.gitlab.set_presence(local::Presence::refusing); };
    co_await f.survive(away, back);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault02AnsweringWith503) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject failing = [](SenderTest& t) { t.gitlab.set_presence(local::Presence::failing); };
    co_await f.survive(failing, back);
    EXPECT_GT(f.sender().outage().failures_in_all(), 0);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault03LimitingTheRate) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject limiting = [](SenderTest& t) {
      const local::Answer later{.status = 429, .headers = {{"Retry-After", "17"}}};
      const local::Answer reset{
          .status = 429, .headers = {{"RateLimit-ResetTime", "Fri, 01 Jan 2100 00:00:00 GMT"}}};
      for (const auto endpoint : {Endpoint::patch_trace, Endpoint::finish_job}) {
        t.gitlab.faults().fail_next(endpoint, later, 7);
        t.gitlab.faults().fail_next(endpoint, reset, 6);
      }
    };
    co_await f.survive(limiting, nothing);
    EXPECT_EQ(f.gitlab.faults().pending(), 0u);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault04APageOfAProxy) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject proxied = [](SenderTest& t) {
      const local::Answer page{
          .status = 502, .body = "<html>Bad Gateway</html>", .content_type = "text/html"};
      for (const auto endpoint : {Endpoint::patch_trace, Endpoint::finish_job})
        t.gitlab.faults().fail_next(endpoint, page, 8);
    };
    co_await f.survive(proxied, nothing);
    EXPECT_EQ(f.gitlab.faults().pending(), 0u);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault05CutInTheMiddleOfAnswers) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject cutting = [](SenderTest& t) {
      for (const auto endpoint : {Endpoint::patch_trace, Endpoint::finish_job}) {
        t.gitlab.faults().drop_next(endpoint, local::FaultPoint::mid_body, 2);
        t.gitlab.faults().drop_next(endpoint, local::FaultPoint::before_processing, 2);
      }
    };
    co_await f.survive(cutting, nothing);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault06AnsweringSlowly) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject slow = [](SenderTest& t) {
      t.gitlab.faults().delay_next(Endpoint::patch_trace, 150ms, 3);
      t.gitlab.faults().delay_next(Endpoint::finish_job, 300ms);
    };
    co_await f.survive(slow, nothing);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault10DoingWhatItDoesNotTell) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject mute = [](SenderTest& t) {
      t.gitlab.set_presence(local::Presence::losing_answers);
    };
    co_await f.survive(mute, back);
  };
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault13ChangingTheInterval) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject changing = [](SenderTest& t) {
      for (const auto* value : {"0", "-5", "abc", "", "100000"})
        t.gitlab.faults().fail_next(
            Endpoint::patch_trace,
            {.status = 500, .headers = {{"X-GitLab-Trace-Update-Interval", value}}}, 5);
    };
    co_await f.survive(changing, nothing);
    EXPECT_EQ(f.gitlab.faults().pending(), 0u);
  };
  // What is read from an answer holds, also of one that failed: the last says 15 minutes, and the
  // end does not wait for that.
  run<SenderFaults>(test);
}

TEST_F(SenderFaults, Fault14ForgettingWhatItHad) {
  const auto test = [](SenderFaults& f) -> asio::awaitable<void> {
    const Inject forget = [](SenderTest& t) { t.gitlab.cut_trace(t.job, 100); };
    const Inject more = [](SenderTest& t) {
      t.gitlab.cut_trace(t.job, 5000);
      t.gitlab.faults().fail_next(Endpoint::finish_job, 412);
      t.gitlab.faults().fail_next(Endpoint::finish_job, 202, 2);
    };
    co_await f.survive(forget, more);
  };
  run<SenderFaults>(test);
}

}  // namespace
}  // namespace slipway::runner
