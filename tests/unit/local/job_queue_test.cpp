#include <gmock/gmock.h>

#include "support.hpp"

namespace slipway::local {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class JobQueueTest : public CoordinatorTest {
 public:
  /// Asks for a job with the queue version of an empty answer, so that the request is held.
  asio::awaitable<net::Response> long_poll(std::string token) {
    const auto first = co_await request_job(token);
    if (first.status != 204) co_return first;
    auto version = first.headers.get("X-GitLab-Last-Update");
    EXPECT_FALSE(version.empty());
    co_return co_await request_job(token, std::move(version));
  }

  asio::awaitable<void> poll_into(std::string token, std::vector<net::Response>& replies,
                                  std::vector<TimePoint>& times) {
    auto reply = co_await long_poll(std::move(token));
    replies.push_back(std::move(reply));
    times.push_back(std::chrono::steady_clock::now());
  }

  asio::awaitable<void> until_waiting(std::size_t polls) {
    while (gitlab.waiting_polls() < polls) co_await util::sleep_for(2ms);
  }
};

TEST_F(JobQueueTest, AnEmptyQueueAnswers204WithAVersion) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    const auto first = co_await t.request_job("glrt-one");
    EXPECT_EQ(first.status, 204);
    const auto stale = co_await t.request_job("glrt-one", "another version");
    EXPECT_EQ(stale.status, 204);
    EXPECT_EQ(stale.headers.get("X-GitLab-Last-Update"), first.headers.get("X-GitLab-Last-Update"));
    const auto stranger = co_await t.request_job("glrt-two");
    EXPECT_EQ(stranger.status, 403);
  });
}

TEST_F(JobQueueTest, AHeldRequestWakesAtOnce) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    std::vector<net::Response> replies;
    std::vector<TimePoint> times;
    util::TaskGroup polls{t.io.get_executor()};
    polls.start(t.poll_into("glrt-one", replies, times));
    co_await t.until_waiting(1);
    const auto before = std::chrono::steady_clock::now();
    const auto id = t.gitlab.enqueue(JobBuilder{}.image("busybox").script({"echo hello"}));
    co_await polls.join();
    EXPECT_EQ(replies.at(0).status, 201);
    EXPECT_LT(times.at(0) - before, 50ms);
    const auto payload = json::parse(replies[0].body);
    EXPECT_EQ(payload.at("id"), id);
    EXPECT_EQ(payload.at("token"), t.job_token(id));
    EXPECT_EQ(payload.at("image").at("name"), "busybox");
    EXPECT_TRUE(t.gitlab.job(id).assigned);
    EXPECT_EQ(t.gitlab.job(id).state, JobState::pending);
    EXPECT_EQ(t.gitlab.job(id).system_id, "s_000000000001");
  });
}

TEST_F(JobQueueTest, TwoPollersGetTwoJobs) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.add_runner(util::Secret{"glrt-two"});
    std::vector<net::Response> replies;
    std::vector<TimePoint> times;
    util::TaskGroup polls{t.io.get_executor()};
    polls.start(t.poll_into("glrt-one", replies, times));
    polls.start(t.poll_into("glrt-two", replies, times));
    co_await t.until_waiting(2);
    const auto a = t.gitlab.enqueue(JobBuilder{});
    const auto b = t.gitlab.enqueue(JobBuilder{});
    co_await polls.join();
    std::vector<std::int64_t> got;
    for (const auto& reply : replies) {
      EXPECT_EQ(reply.status, 201);
      got.push_back(json::parse(reply.body).at("id").get<std::int64_t>());
    }
    EXPECT_THAT(got, UnorderedElementsAre(a, b));
    EXPECT_NE(t.job_token(a), t.job_token(b));
  });
}

TEST_F(JobQueueTest, TagsDecideWhoGetsWhat) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    const auto plain = t.gitlab.enqueue(JobBuilder{});
    const auto tagged = t.gitlab.enqueue(JobBuilder{}.tags({"arm", "linux"}));
    t.gitlab.add_runner(util::Secret{"glrt-arm"}, {"arm"}, false);
    t.gitlab.add_runner(util::Secret{"glrt-both"}, {"linux", "arm"}, false);
    t.gitlab.add_runner(util::Secret{"glrt-any"});
    const auto arm = co_await t.request_job("glrt-arm");
    EXPECT_EQ(arm.status, 204);
    const auto both = co_await t.request_job("glrt-both");
    EXPECT_EQ(both.status, 201);
    const auto payload = json::parse(both.body);
    EXPECT_EQ(payload.at("id"), tagged);
    EXPECT_FALSE(payload.contains("x_tags"));
    const auto any = co_await t.request_job("glrt-any");
    EXPECT_EQ(json::parse(any.body).at("id"), plain);
    EXPECT_THAT(t.gitlab.job_ids(), ElementsAre(plain, tagged));
  });
}

TEST_F(JobQueueTest, APausedRunnerGetsNothingUntilItIsResumed) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    const auto runner = t.gitlab.add_runner(util::Secret{"glrt-one"});
    t.gitlab.pause_runner(runner, true);
    t.gitlab.enqueue(JobBuilder{});
    std::vector<net::Response> replies;
    std::vector<TimePoint> times;
    util::TaskGroup polls{t.io.get_executor()};
    polls.start(t.poll_into("glrt-one", replies, times));
    co_await t.until_waiting(1);
    t.gitlab.pause_runner(runner, false);
    co_await polls.join();
    EXPECT_EQ(replies.at(0).status, 201);
  });
}

TEST_F(JobQueueTest, AJobCancelledInTheQueueIsHandedToNobody) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    const auto id = t.gitlab.enqueue(JobBuilder{});
    const auto& job = t.gitlab.job(id);
    t.gitlab.cancel(id, true);
    EXPECT_EQ(job.state, JobState::canceled);
    const auto none = co_await t.request_job("glrt-one");
    EXPECT_EQ(none.status, 204);
    co_await t.gitlab.wait_finished(id, 1s);
  });
}

TEST_F(JobQueueTest, ARunnerThatWentAwayGetsNoJob) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-gone"});
    t.gitlab.add_runner(util::Secret{"glrt-here"});
    std::vector<net::Response> replies;
    std::vector<TimePoint> times;
    util::TaskGroup polls{t.io.get_executor()};
    polls.start(t.poll_into("glrt-gone", replies, times));
    co_await t.until_waiting(1);
    polls.cancel();
    co_await polls.join();
    EXPECT_TRUE(replies.empty());
    while (t.gitlab.waiting_polls() > 0) co_await util::sleep_for(2ms);
    const auto id = t.gitlab.enqueue(JobBuilder{});
    const auto here = co_await t.request_job("glrt-here");
    EXPECT_EQ(here.status, 201);
    EXPECT_EQ(t.gitlab.job(id).runner_id, t.gitlab.runners()[1].id);
  });
}

TEST_F(JobQueueTest, TheCoordinatorStopsWhileRequestsAreHeld) {
  asio::cancellation_signal stop;
  std::exception_ptr served;
  int answered = 0;
  gitlab.add_runner(util::Secret{"glrt-one"});
  asio::co_spawn(io, gitlab.run(),
                 asio::bind_cancellation_slot(
                     stop.slot(), [&served](std::exception_ptr failure) { served = failure; }));
  asio::co_spawn(io, long_poll("glrt-one"),
                 [&answered](std::exception_ptr failure, const net::Response&) {
                   answered = failure ? -1 : 1;
                 });
  while (gitlab.waiting_polls() == 0) io.run_one_for(5s);
  stop.emit(asio::cancellation_type::terminal);
  io.run_for(5s);
  EXPECT_EQ(answered, -1);
  ASSERT_TRUE(served);
  EXPECT_THROW(std::rethrow_exception(served), boost::system::system_error);
}

TEST_F(JobQueueTest, BadPayloadsAreRefused) {
  EXPECT_THROW(gitlab.enqueue(json::array()), std::invalid_argument);
  EXPECT_THROW(gitlab.enqueue({{"id", "x"}}), std::invalid_argument);
  EXPECT_THROW(gitlab.enqueue({{"id", 0}}), std::invalid_argument);
  EXPECT_EQ(gitlab.enqueue({{"id", 7}}), 7);
  EXPECT_THROW(gitlab.enqueue({{"id", 7}}), std::invalid_argument);
  EXPECT_EQ(gitlab.enqueue(json::object()), 1);
  EXPECT_THROW(gitlab.job(99), std::out_of_range);
}

TEST_F(JobQueueTest, WaitingForAJobHasALimit) {
  run<JobQueueTest>([](JobQueueTest& t) -> asio::awaitable<void> {
    const auto id = t.gitlab.enqueue(JobBuilder{});
    bool late = false;
    try {
      co_await t.gitlab.wait_finished(id, 20ms);
    } catch (const util::TimeoutError&) {
      late = true;
    }
    EXPECT_TRUE(late);
  });
}

class ImpatientTest : public CoordinatorTest {
 public:
  ImpatientTest() : CoordinatorTest{options()} {}
  static CoordinatorOptions options() {
    auto options = default_options();
    options.accept_limit = 30ms;
    options.long_poll = 100ms;
    return options;
  }
};

TEST_F(ImpatientTest, AJobThatNobodyAcceptsIsHandedOutAgain) {
  run<ImpatientTest>([](ImpatientTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    const auto id = t.gitlab.enqueue(JobBuilder{});
    const auto first = co_await t.request_job("glrt-one", "", "s_first");
    EXPECT_EQ(first.status, 201);
    co_await util::sleep_for(50ms);
    const auto second = co_await t.request_job("glrt-one", "", "s_second");
    EXPECT_EQ(second.status, 201);
    EXPECT_EQ(t.gitlab.job(id).system_id, "s_second");
    const auto accepted = co_await t.put_state(id, t.job_token(id), "running");
    EXPECT_EQ(accepted.status, 200);
    co_await util::sleep_for(50ms);
    const auto third = co_await t.request_job("glrt-one");
    EXPECT_EQ(third.status, 204);
  });
}

TEST_F(ImpatientTest, AHeldRequestEndsAfterTheLongPoll) {
  run<ImpatientTest>([](ImpatientTest& t) -> asio::awaitable<void> {
    t.gitlab.add_runner(util::Secret{"glrt-one"});
    const auto first = co_await t.request_job("glrt-one");
    auto version = first.headers.get("X-GitLab-Last-Update");
    const auto before = std::chrono::steady_clock::now();
    const auto held = co_await t.request_job("glrt-one", version);
    EXPECT_EQ(held.status, 204);
    EXPECT_EQ(held.headers.get("X-GitLab-Last-Update"), version);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 100ms);
  });
}

}  // namespace
}  // namespace slipway::local
