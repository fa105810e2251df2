#include "executors/docker/shared_pulls.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <stdexcept>

#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using namespace std::chrono_literals;

/// Pulls that take until `go`, counted.
struct Registry {
  explicit Registry(const asio::any_io_executor& executor) : go{executor} {}
  asio::awaitable<void> pull() {
    ++pulls;
    co_await go.wait();
    if (fail) throw std::runtime_error{"no such image"};
  }
  util::Event go;
  int pulls = 0;
  bool fail = false;
};

asio::awaitable<void> ask(SharedPulls& shared, Registry& registry, std::string key, bool any,
                          int& done) {
  const std::function<asio::awaitable<void>()> work = [&] { return registry.pull(); };
  auto asking = shared.run(std::move(key), any, work);
  co_await std::move(asking);
  ++done;
}

TEST(SharedPulls, ManyAtOnceAreOneAndOneMoreForThoseWhoCameLater) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedPulls shared{executor};
    Registry registry{executor};
    util::TaskGroup jobs{executor};
    int done = 0;
    for (int i = 0; i < 8; ++i) jobs.start(ask(shared, registry, "a", false, done));
    co_await util::sleep_for(20ms);
    EXPECT_EQ(registry.pulls, 1);
    registry.go.set();
    co_await jobs.join();
    EXPECT_EQ(done, 8);
    EXPECT_EQ(registry.pulls, 2) << "what was pushed after the first began is not missed";
    EXPECT_EQ(shared.size(), 0u);
  };
  tests::run_test(body);
}

TEST(SharedPulls, WhereAnyImageWillDoThereIsOnlyOne) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedPulls shared{executor};
    Registry registry{executor};
    util::TaskGroup jobs{executor};
    int done = 0;
    for (int i = 0; i < 8; ++i) jobs.start(ask(shared, registry, "a", true, done));
    co_await util::sleep_for(20ms);
    registry.go.set();
    co_await jobs.join();
    EXPECT_EQ(done, 8);
    EXPECT_EQ(registry.pulls, 1);
    // Later is another one.
    co_await ask(shared, registry, "a", true, done);
    EXPECT_EQ(registry.pulls, 2);
  };
  tests::run_test(body);
}

TEST(SharedPulls, OtherKeysAreOtherPulls) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedPulls shared{executor};
    Registry registry{executor};
    util::TaskGroup jobs{executor};
    int done = 0;
    for (const char* key : {"a", "b", "c"}) jobs.start(ask(shared, registry, key, true, done));
    co_await util::sleep_for(20ms);
    EXPECT_EQ(registry.pulls, 3);
    EXPECT_EQ(shared.size(), 3u);
    registry.go.set();
    co_await jobs.join();
  };
  tests::run_test(body);
}

TEST(SharedPulls, AFailureIsEverybodysAndNotForEver) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedPulls shared{executor};
    Registry registry{executor};
    registry.fail = true;
    int done = 0;
    int failed = 0;
    const auto failing = [](SharedPulls& pulls, Registry& from, int& ok,
                            int& bad) -> asio::awaitable<void> {
      try {
        co_await ask(pulls, from, "a", true, ok);
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "no such image");
        ++bad;
      }
    };
    util::TaskGroup jobs{executor};
    for (int i = 0; i < 3; ++i) jobs.start(failing(shared, registry, done, failed));
    co_await util::sleep_for(20ms);
    registry.go.set();
    co_await jobs.join();
    EXPECT_EQ(failed, 3);
    EXPECT_EQ(registry.pulls, 1);
    registry.fail = false;
    co_await ask(shared, registry, "a", true, done);
    EXPECT_EQ(done, 1);
  };
  tests::run_test(body);
}

TEST(SharedPulls, OneJobsCancellationIsNotTheOthers) {
  const auto body = []() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    SharedPulls shared{executor};
    Registry registry{executor};
    int done = 0;
    util::TaskGroup first{executor};
    util::TaskGroup others{executor};
    first.start(ask(shared, registry, "a", true, done));
    co_await util::sleep_for(10ms);
    for (int i = 0; i < 3; ++i) others.start(ask(shared, registry, "a", true, done));
    co_await util::sleep_for(10ms);
    EXPECT_EQ(registry.pulls, 1);
    first.cancel();
    co_await first.join();
    co_await util::sleep_for(10ms);
    EXPECT_EQ(registry.pulls, 2) << "one of the others pulls now";
    registry.go.set();
    co_await others.join();
    EXPECT_EQ(done, 3);
    EXPECT_EQ(registry.pulls, 2);
    // Nor is one that only waits missed.
    registry.go.reset();
    util::TaskGroup waiting{executor};
    util::TaskGroup pulling{executor};
    pulling.start(ask(shared, registry, "a", true, done));
    co_await util::sleep_for(10ms);
    waiting.start(ask(shared, registry, "a", true, done));
    co_await util::sleep_for(10ms);
    waiting.cancel();
    co_await waiting.join();
    registry.go.set();
    co_await pulling.join();
    EXPECT_EQ(registry.pulls, 3);
    EXPECT_EQ(shared.size(), 0u);
  };
  tests::run_test(body);
}

}  // namespace
}  // namespace slipway::executors::docker
