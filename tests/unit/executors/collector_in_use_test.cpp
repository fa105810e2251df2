#include "executors/docker/collector_in_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>

#include "executors/docker/collector_job_use.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::executors::docker {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(CanonicalImageName, IsOneSpelling) {
  const auto digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(canonical_image_name("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(canonical_image_name("docker.io/library/busybox:latest"),
            "docker.io/library/busybox:latest");
  EXPECT_EQ(canonical_image_name("a/b:1"), "docker.io/a/b:1");
  EXPECT_EQ(canonical_image_name("localhost:5000/b"), "localhost:5000/b:latest");
  EXPECT_EQ(canonical_image_name("a:1" + digest), "docker.io/library/a" + digest);
  EXPECT_EQ(canonical_image_name("no Image"), "no Image");
}

TEST(InUse, NamesAreHeldUntilTheLastHoldGoes) {
  tests::run_test([]() -> asio::awaitable<void> {
    InUse in_use{co_await asio::this_coro::executor};
    {
      std::vector<std::string> names{"volume-1", "busybox"};
      auto first = co_await in_use.hold(names);
      {
        auto second = co_await in_use.hold(std::move(names));
        second.add("sha256:1");
        EXPECT_TRUE(in_use.contains("sha256:1"));
      }
      EXPECT_FALSE(in_use.contains("sha256:1"));
      EXPECT_TRUE(in_use.contains("volume-1"));
      EXPECT_TRUE(in_use.contains("docker.io/library/busybox:latest"));
      auto moved = std::move(first);
      EXPECT_TRUE(in_use.contains("volume-1"));
      moved.release();
      EXPECT_FALSE(in_use.contains("volume-1"));
    }
    EXPECT_THAT(in_use.names(), IsEmpty());
  });
}

asio::awaitable<void> hold_it(InUse& in_use, std::vector<std::string> names, bool& held) {
  const auto hold = co_await in_use.hold(std::move(names));
  held = true;
}

TEST(InUse, AJobWaitsForTheRemovalOfWhatItWants) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    InUse in_use{executor};
    std::vector<std::string> removed{"docker.io/library/a:1", "sha256:1"};
    EXPECT_TRUE(in_use.begin_removal(std::move(removed)));
    bool waiting = false;
    bool other = false;
    util::TaskGroup tasks{executor};
    std::vector<std::string> same{"a:1"};
    std::vector<std::string> another{"a:2"};
    tasks.start(hold_it(in_use, std::move(same), waiting));
    tasks.start(hold_it(in_use, std::move(another), other));
    co_await util::sleep_for(20ms);
    EXPECT_FALSE(waiting);
    EXPECT_TRUE(other);
    in_use.end_removal();
    co_await tasks.join();
    EXPECT_TRUE(waiting);
  });
}

TEST(InUse, WhatIsHeldIsNotRemoved) {
  tests::run_test([]() -> asio::awaitable<void> {
    InUse in_use{co_await asio::this_coro::executor};
    std::vector<std::string> names{"a:1"};
    const auto hold = co_await in_use.hold(std::move(names));
    std::vector<std::string> victim{"docker.io/library/a:1", "sha256:1"};
    EXPECT_FALSE(in_use.begin_removal(victim));
    victim.erase(victim.begin());
    EXPECT_TRUE(in_use.begin_removal(victim));
    in_use.end_removal();
  });
}

TEST(InUse, ACancelledWaitHoldsNothing) {
  tests::run_test([]() -> asio::awaitable<void> {
    InUse in_use{co_await asio::this_coro::executor};
    std::vector<std::string> removed{"v"};
    EXPECT_TRUE(in_use.begin_removal(std::move(removed)));
    bool held = false;
    bool timed_out = false;
    std::vector<std::string> names{"v"};
    auto work = hold_it(in_use, std::move(names), held);
    try {
      co_await util::with_timeout(std::move(work), 20ms);
    } catch (const util::TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
    EXPECT_FALSE(held);
    EXPECT_THAT(in_use.names(), IsEmpty());
    in_use.end_removal();
  });
}

/// Writes down what it is told.
class Notes : public UsageLog {
 public:
  void pulled(const std::string&, const std::string& name, const std::string&, bool) override {
    told.push_back("pulled " + name);
  }
  void used_image(const std::string& engine, const std::string& id) override {
    told.push_back(engine + " image " + id);
  }
  void used_volume(const std::string& engine, const std::string& name) override {
    told.push_back(engine + " volume " + name);
  }
  std::vector<std::string> told;
};

TEST(JobUse, HoldsAndTellsAtBothEnds) {
  tests::run_test([]() -> asio::awaitable<void> {
    InUse in_use{co_await asio::this_coro::executor};
    Notes notes;
    {
      JobUse use;
      std::vector<std::string> images{"busybox"};
      std::vector<std::string> volumes{"cache"};
      co_await use.begin(in_use, &notes, "E", std::move(images), std::move(volumes));
      EXPECT_THAT(notes.told, testing::ElementsAre("E volume cache"));
      use.image("sha256:1");
      use.image("sha256:1");
      EXPECT_THAT(notes.told, testing::ElementsAre("E volume cache", "E image sha256:1"));
      EXPECT_TRUE(in_use.contains("cache"));
      EXPECT_TRUE(in_use.contains("docker.io/library/busybox:latest"));
      EXPECT_TRUE(in_use.contains("sha256:1"));
      notes.told.clear();
    }
    EXPECT_THAT(notes.told, testing::ElementsAre("E image sha256:1", "E volume cache"));
    EXPECT_THAT(in_use.names(), IsEmpty());
  });
}

TEST(JobUse, EndsOnceAndNeedsNoLog) {
  tests::run_test([]() -> asio::awaitable<void> {
    InUse in_use{co_await asio::this_coro::executor};
    JobUse never_begun;
    never_begun.image("sha256:1");
    never_begun.end();
    EXPECT_THAT(in_use.names(), IsEmpty());
    Notes notes;
    JobUse use;
    std::vector<std::string> images;
    std::vector<std::string> volumes{"cache"};
    co_await use.begin(in_use, &notes, "E", images, volumes);
    use.end();
    use.end();
    EXPECT_THAT(notes.told, testing::SizeIs(2));
    co_await use.begin(in_use, nullptr, "E", images, volumes);
    EXPECT_TRUE(in_use.contains("cache"));
    use.end();
    EXPECT_THAT(notes.told, testing::SizeIs(2));
  });
}

}  // namespace
}  // namespace slipway::executors::docker
