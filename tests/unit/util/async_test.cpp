#include "util/async.hpp"

#include <gmock/gmock.h>

#include <boost/system/system_error.hpp>
#include <memory>
#include <string>

#include "tests/fakes/run_test.hpp"
#include "util/event.hpp"

namespace slipway::util {
namespace {

using namespace std::chrono_literals;
using tests::run_test;
using Clock = std::chrono::steady_clock;

/// Counts frames of coroutines that are alive: GCC 12 destroys some arguments twice.
struct Probe {
  explicit Probe(int& alive) : alive{&alive} { ++alive; }
  Probe(Probe&& other) noexcept : alive{std::exchange(other.alive, nullptr)} {}
  ~Probe() {
    if (alive) --*alive;
  }
  int* alive;
};

asio::awaitable<int> value_after(std::chrono::milliseconds delay, int value) {
  co_await sleep_for(delay);
  co_return value;
}

asio::awaitable<void> fail_after(std::chrono::milliseconds delay, std::string text) {
  co_await sleep_for(delay);
  throw std::runtime_error{text};
}

asio::awaitable<void> hold(Probe probe, std::chrono::milliseconds delay) {
  co_await sleep_for(delay);
  EXPECT_TRUE(probe.alive);
}

/// Goes on working for a while after it was cancelled.
asio::awaitable<void> slow_to_stop(bool& stopped) {
  try {
    co_await sleep_for(10s);
  } catch (const boost::system::system_error&) {
    stopped = false;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await sleep_for(20ms);
  stopped = true;
}

template <class T>
asio::awaitable<std::string> failure_of(asio::awaitable<T> work) {
  try {
    co_await std::move(work);
  } catch (const TimeoutError& error) {
    co_return std::string{"timeout: "} + error.what();
  } catch (const boost::system::system_error& error) {
    co_return error.code() == asio::error::operation_aborted ? "aborted" : error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "none";
}

/// Runs `work`, cancels it after 10 ms, and tells how it ended.
asio::awaitable<std::string> cancelled(asio::awaitable<void> work) {
  asio::cancellation_signal signal;
  Event ended{co_await asio::this_coro::executor};
  std::exception_ptr failure;
  asio::co_spawn(co_await asio::this_coro::executor, std::move(work),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                   failure = error;
                   ended.set();
                 }));
  co_await sleep_for(10ms);
  signal.emit(asio::cancellation_type::terminal);
  co_await ended.wait();
  if (!failure) co_return "none";
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    co_return error.code() == asio::error::operation_aborted ? "aborted" : error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
}

TEST(Async, SleepTakesItsTime) {
  run_test([]() -> asio::awaitable<void> {
    const auto begin = Clock::now();
    co_await sleep_for(20ms);
    EXPECT_GE(Clock::now() - begin, 20ms);
    auto work = sleep_for(10s);
    EXPECT_EQ(co_await cancelled(std::move(work)), "aborted");
  });
}

TEST(Async, TimeoutGivesTheValueThatCameInTime) {
  run_test([]() -> asio::awaitable<void> {
    auto work = with_timeout(value_after(1ms, 7), 5s);
    EXPECT_EQ(co_await std::move(work), 7);
  });
}

TEST(Async, TimeoutPassesAFailureThrough) {
  run_test([]() -> asio::awaitable<void> {
    auto work = with_timeout(fail_after(1ms, "broken"), 5s);
    EXPECT_EQ(co_await failure_of(std::move(work)), "broken");
  });
}

TEST(Async, TimeoutCancelsAndSaysTheLimit) {
  run_test([]() -> asio::awaitable<void> {
    int alive = 0;
    auto work = with_timeout(hold(Probe{alive}, 10s), 20ms);
    const auto begin = Clock::now();
    EXPECT_EQ(co_await failure_of(std::move(work)), "timeout: no answer within 0.02 s");
    EXPECT_LT(Clock::now() - begin, 5s);
    EXPECT_EQ(alive, 0);
  });
}

TEST(Async, TimeoutWaitsForTheEndOfWhatItCancelled) {
  run_test([]() -> asio::awaitable<void> {
    bool stopped = false;
    auto work = with_timeout(slow_to_stop(stopped), 5ms);
    // The work ended well in spite of the limit: its result is kept.
    EXPECT_EQ(co_await failure_of(std::move(work)), "none");
    EXPECT_TRUE(stopped);
  });
}

TEST(Async, TimeoutIsCancelledFromOutside) {
  run_test([]() -> asio::awaitable<void> {
    int alive = 0;
    auto work = with_timeout(hold(Probe{alive}, 10s), 5s);
    EXPECT_EQ(co_await cancelled(std::move(work)), "aborted");
    EXPECT_EQ(alive, 0);
  });
}

TEST(Async, BothRunsBothToTheEnd) {
  run_test([]() -> asio::awaitable<void> {
    int alive = 0;
    auto work = both(hold(Probe{alive}, 1ms), hold(Probe{alive}, 30ms));
    const auto begin = Clock::now();
    co_await std::move(work);
    EXPECT_GE(Clock::now() - begin, 30ms);
    EXPECT_EQ(alive, 0);
  });
}

TEST(Async, BothThrowsTheFirstFailureInTime) {
  struct Case {
    const char* what;
    std::chrono::milliseconds first, second;
    const char* want;
  };
  const Case cases[] = {
      {"the first argument fails first", 1ms, 10s, "first"},
      {"the second argument fails first", 10s, 1ms, "second"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    run_test([&]() -> asio::awaitable<void> {
      auto work = both(fail_after(c.first, "first"), fail_after(c.second, "second"));
      EXPECT_EQ(co_await failure_of(std::move(work)), c.want);
    });
  }
}

TEST(Async, BothKeepsALaterFailureAfterASuccess) {
  run_test([]() -> asio::awaitable<void> {
    auto work = both(sleep_for(1ms), fail_after(20ms, "late"));
    EXPECT_EQ(co_await failure_of(std::move(work)), "late");
    auto swapped = both(fail_after(20ms, "late"), sleep_for(1ms));
    EXPECT_EQ(co_await failure_of(std::move(swapped)), "late");
    auto outside = both(sleep_for(10s), sleep_for(10s));
    EXPECT_EQ(co_await cancelled(std::move(outside)), "aborted");
  });
}

TEST(Async, FirstOfCancelsTheOtherAndTellsWhich) {
  run_test([]() -> asio::awaitable<void> {
    int alive = 0;
    auto left = first_of(sleep_for(1ms), hold(Probe{alive}, 10s));
    EXPECT_EQ(co_await std::move(left), 0u);
    auto right = first_of(hold(Probe{alive}, 10s), sleep_for(1ms));
    EXPECT_EQ(co_await std::move(right), 1u);
    EXPECT_EQ(alive, 0);
  });
}

TEST(Async, FirstOfThrowsTheFirstEndersFailureOnly) {
  run_test([]() -> asio::awaitable<void> {
    auto failing = first_of(sleep_for(10s), fail_after(1ms, "broken"));
    EXPECT_EQ(co_await failure_of(std::move(failing)), "broken");
    bool stopped = false;
    auto waiting = first_of(slow_to_stop(stopped), sleep_for(1ms));
    EXPECT_EQ(co_await std::move(waiting), 1u);
    EXPECT_TRUE(stopped) << "the loser was not waited for";
  });
}

TEST(Event, WakesEveryWaiterAndStaysSet) {
  run_test([]() -> asio::awaitable<void> {
    Event event{co_await asio::this_coro::executor};
    EXPECT_FALSE(event.is_set());
    auto waiters = both(event.wait(), event.wait());
    asio::steady_timer later{co_await asio::this_coro::executor, 5ms};
    later.async_wait([&](boost::system::error_code) { event.set(); });
    co_await std::move(waiters);
    co_await event.wait();
    event.reset();
    EXPECT_FALSE(event.is_set());
  });
}

TEST(Event, WaitIsCancelled) {
  run_test([]() -> asio::awaitable<void> {
    Event event{co_await asio::this_coro::executor};
    EXPECT_EQ(co_await cancelled(event.wait()), "aborted");
    auto limited = with_timeout(event.wait(), 5ms);
    EXPECT_THAT(co_await failure_of(std::move(limited)), testing::StartsWith("timeout"));
    event.set();
    co_await event.wait();
  });
}

}  // namespace
}  // namespace slipway::util
