#include "util/mutex.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace slipway::util
