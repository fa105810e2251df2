#include "util/condition.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;

asio::awaitable<void> wait_and_count(Condition& condition, int& woken) {
  co_await condition.wait();
  ++woken;
}

TEST(Condition, WakesEverybodyWhoWaits) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Condition condition{executor};
    int woken = 0;
    TaskGroup tasks{executor};
    for (int i = 0; i < 5; ++i) tasks.start(wait_and_count(condition, woken));
    co_await sleep_for(2ms);
    EXPECT_EQ(woken, 0);
    condition.notify_all();
    co_await tasks.join();
    EXPECT_EQ(woken, 5);
  });
}

TEST(Condition, KeepsNoState) {
  tests::run_test([]() -> asio::awaitable<void> {
    Condition condition{co_await asio::this_coro::executor};
    condition.notify_all();
    int woken = 0;
    auto waiting = wait_and_count(condition, woken);
    bool timed_out = false;
    try {
      co_await with_timeout(std::move(waiting), 20ms);
    } catch (const TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
  });
}

}  // namespace
}  // namespace slipway::util
