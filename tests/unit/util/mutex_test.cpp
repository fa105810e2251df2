#include "util/mutex.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;

struct Counter {
  int inside = 0;
  int most = 0;
  int entered = 0;
};

asio::awaitable<void> enter(Mutex& mutex, Counter& counter) {
  const auto lock = co_await mutex.lock();
  ++counter.entered;
  counter.most = std::max(counter.most, ++counter.inside);
  co_await sleep_for(2ms);
  --counter.inside;
}

TEST(Mutex, LetsOneThroughAtATimeAndEverybodyInTheEnd) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Mutex mutex{executor};
    Counter counter;
    TaskGroup tasks{executor};
    for (int i = 0; i < 20; ++i) tasks.start(enter(mutex, counter));
    co_await tasks.join();
    EXPECT_EQ(counter.entered, 20);
    EXPECT_EQ(counter.most, 1);
  });
}

TEST(Mutex, AWaiterThatIsCancelledLeavesItFree) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Mutex mutex{executor};
    Counter counter;
    {
      const auto held = co_await mutex.lock();
      TaskGroup tasks{executor};
      tasks.start(enter(mutex, counter));
      co_await sleep_for(5ms);
      tasks.cancel();
      co_await tasks.join();
      EXPECT_EQ(counter.entered, 0);
    }
    auto entering = enter(mutex, counter);
    co_await with_timeout(std::move(entering), 1s);
    EXPECT_EQ(counter.entered, 1);
  });
}

asio::awaitable<void> enter_twice(Mutex& mutex, std::vector<int>& order) {
  for (int i = 0; i < 2; ++i) {
    const auto lock = co_await mutex.lock();
    order.push_back(-1);
    co_await sleep_for(1ms);
  }
}

asio::awaitable<void> enter_as(Mutex& mutex, std::vector<int>& order, int number) {
  const auto lock = co_await mutex.lock();
  order.push_back(number);
}

TEST(Mutex, ServesInTheOrderOfTheCallsAlsoWhoComesBackAtOnce) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Mutex mutex{executor};
    std::vector<int> order;
    TaskGroup tasks{executor};
    tasks.start(enter_twice(mutex, order));
    for (int i = 0; i < 3; ++i) tasks.start(enter_as(mutex, order, i));
    co_await tasks.join();
    EXPECT_EQ(order, (std::vector{-1, 0, 1, 2, -1}));
  });
}

TEST(Mutex, AWaiterThatIsCancelledAfterItsTurnHasComeLetsTheNextOneIn) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Mutex mutex{executor};
    std::vector<int> order;
    TaskGroup first{executor};
    TaskGroup second{executor};
    {
      const auto held = co_await mutex.lock();
      first.start(enter_as(mutex, order, 1));
      second.start(enter_as(mutex, order, 2));
    }
    first.cancel();
    co_await first.join();
    co_await second.join();
    EXPECT_EQ(order.back(), 2);
  });
}

}  // namespace
}  // namespace slipway::util
