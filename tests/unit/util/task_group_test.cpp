#include "util/task_group.hpp"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <string>
#include <vector>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;
using tests::run_test;

asio::awaitable<void> count_after(std::chrono::milliseconds delay, int& count) {
  co_await sleep_for(delay);
  ++count;
}

asio::awaitable<void> fail_after(std::chrono::milliseconds delay, std::string text) {
  co_await sleep_for(delay);
  throw std::runtime_error{text};
}

asio::awaitable<void> start_another(TaskGroup& group, int& count) {
  co_await sleep_for(1ms);
  group.start(count_after(1ms, count));
}

asio::awaitable<std::string> join_failure(TaskGroup& group) {
  try {
    co_await group.join();
  } catch (const boost::system::system_error& error) {
    co_return error.code() == asio::error::operation_aborted ? "aborted" : error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "none";
}

TEST(TaskGroup, JoinWaitsForAllAlsoThoseStartedByTasks) {
  run_test([]() -> asio::awaitable<void> {
    TaskGroup group{co_await asio::this_coro::executor};
    co_await group.join();
    int count = 0;
    group.start(count_after(20ms, count));
    group.start(start_another(group, count));
    EXPECT_EQ(group.running(), 2u);
    co_await group.join();
    EXPECT_EQ(count, 2);
    EXPECT_EQ(group.running(), 0u);
  });
}

TEST(TaskGroup, JoinThrowsTheFirstFailureOnce) {
  run_test([]() -> asio::awaitable<void> {
    TaskGroup group{co_await asio::this_coro::executor};
    int count = 0;
    group.start(fail_after(10ms, "second"));
    group.start(fail_after(1ms, "first"));
    group.start(count_after(20ms, count));
    EXPECT_EQ(co_await join_failure(group), "first");
    EXPECT_EQ(count, 1) << "a failure must not end the others";
    EXPECT_EQ(co_await join_failure(group), "none");
  });
}

TEST(TaskGroup, CancelIsNoFailureAndReachesLateStarters) {
  run_test([]() -> asio::awaitable<void> {
    TaskGroup group{co_await asio::this_coro::executor};
    int count = 0;
    for (int i = 0; i < 50; ++i) group.start(count_after(10s, count));
    co_await sleep_for(1ms);
    group.cancel();
    group.start(count_after(10s, count));
    EXPECT_EQ(co_await join_failure(group), "none");
    EXPECT_EQ(count, 0);
    group.start(count_after(1ms, count));
    EXPECT_EQ(co_await join_failure(group), "none");
    EXPECT_EQ(count, 1) << "after join() the group is as new";
  });
}

asio::awaitable<void> tidy_up(bool& tidied) {
  try {
    co_await sleep_for(10s);
  } catch (const boost::system::system_error&) {
    tidied = false;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await sleep_for(20ms);
  tidied = true;
}

asio::awaitable<void> own_a_group(bool& tidied, std::string& ended) {
  TaskGroup group{co_await asio::this_coro::executor};
  group.start(tidy_up(tidied));
  ended = co_await join_failure(group);
}

TEST(TaskGroup, CancelledJoinCancelsTheTasksAndWaitsForThem) {
  run_test([]() -> asio::awaitable<void> {
    bool tidied = false;
    std::string ended;
    auto race = first_of(own_a_group(tidied, ended), sleep_for(5ms));
    EXPECT_EQ(co_await std::move(race), 1u);
    EXPECT_TRUE(tidied);
    EXPECT_EQ(ended, "aborted");
  });
}

TEST(TaskGroup, GoesWithItsContext) {
  asio::io_context io{1};
  bool tidied = false;
  std::string ended;
  asio::co_spawn(io, own_a_group(tidied, ended), [](std::exception_ptr) {});
  io.run_for(10ms);
  EXPECT_EQ(ended, "");
}

TEST(TaskGroupDeathTest, RunningTasksMustBeJoined) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(run_test([]() -> asio::awaitable<void> {
                 bool tidied = false;
                 TaskGroup group{co_await asio::this_coro::executor};
                 group.start(tidy_up(tidied));
               }),
               "");
}

TEST(RunAll, WaitsForAllAndThrowsTheFirstFailure) {
  tests::run_test([]() -> asio::awaitable<void> {
    int count = 0;
    std::vector<asio::awaitable<void>> tasks;
    tasks.push_back(count_after(3ms, count));
    tasks.push_back(fail_after(1ms, "failed"));
    tasks.push_back(count_after(5ms, count));
    std::string failure;
    try {
      co_await run_all(std::move(tasks));
    } catch (const std::runtime_error& error) {
      failure = error.what();
    }
    EXPECT_EQ(failure, "failed");
    EXPECT_EQ(count, 2);
  });
}

/// Is cancelled between the end of its wait and its next step.
asio::awaitable<void> start_late(Event& woken, int& count) {
  co_await woken.wait();
  std::vector<asio::awaitable<void>> tasks;
  tasks.push_back(count_after(1ms, count));
  co_await run_all(std::move(tasks));
}

TEST(RunAll, StartsNothingWhereACancellationIsWaiting) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Event woken{executor};
    int count = 0;
    TaskGroup group{executor};
    group.start(start_late(woken, count));
    co_await sleep_for(1ms);
    woken.set();
    group.cancel();
    co_await group.join();
    EXPECT_EQ(count, 0);
  });
}

}  // namespace
}  // namespace slipway::util
