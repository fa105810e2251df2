#include "runner/poller.hpp"

#include <nlohmann/json.hpp>

#include "local/payload.hpp"
#include "runner/service.hpp"
#include "sender_fixture.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {
namespace {

/// A poller of its own beside a service that has no runners: no job ever starts.
class PollerTest : public SenderTest {
 public:
  Service& service() {
    if (!service_) {
      ServiceOptions options;
      options.state_dir = dir.path() / "state";
      options.config.concurrent = concurrent;
      options.helper_binary = "/bin/true";
      service_ = std::make_unique<Service>(io.get_executor(), std::move(options));
    }
    return *service_;
  }
  std::unique_ptr<Poller> poller(config::Runner runner = {},
                                 std::chrono::milliseconds check_interval = 50ms) {
    runner.name = "r";
    runner.docker.emplace();
    return std::make_unique<Poller>(io.get_executor(), service(), std::move(runner),
                                    client().options(), check_interval);
  }
  /// Runs `poller` for `duration`, then cancels it.
  static asio::awaitable<void> poll_for(Poller& poller, std::chrono::milliseconds duration) {
    bool cancelled = false;
    auto polling = poller.run();
    try {
      co_await util::with_timeout(std::move(polling), duration);
    } catch (const util::TimeoutError&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled) << "the poller ended by itself";
  }
  std::chrono::milliseconds gap(std::size_t index) const {
    const auto& calls = gitlab.calls();
    return std::chrono::duration_cast<std::chrono::milliseconds>(calls.at(index + 1).at -
                                                                 calls.at(index).at);
  }

  int concurrent = 1;

 private:
  std::unique_ptr<Service> service_;
};

TEST_F(PollerTest, AsksAtTheIntervalUntilCancelled) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 280ms);
    const auto calls = f.gitlab.count(Endpoint::request_job);
    EXPECT_GE(calls, 3u);
    EXPECT_LE(calls, 6u);
    co_await util::sleep_for(120ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::request_job), calls);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, Edge3AFaultyServerIsAskedAtTheNormalTime) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.gitlab.faults().fail_next(Endpoint::request_job, 503, 10);
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 300ms);
    EXPECT_GE(f.gitlab.count(Endpoint::request_job), 11u);
    // Five attempts, the interval, five attempts, the interval.
    EXPECT_GE(f.gap(4), 45ms);
    EXPECT_LE(f.gap(4), 700ms);
    EXPECT_GE(f.gap(9), 45ms);
    EXPECT_LE(f.gap(9), 700ms);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, Edge16ARefusedRunnerAsksAgainLaterEachTime) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.gitlab.faults().fail_next(Endpoint::request_job, 403, 2);
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 3900ms);
    EXPECT_GE(f.gap(0), 790ms);
    EXPECT_LE(f.gap(0), 1400ms);
    EXPECT_GE(f.gap(1), 1590ms);
    EXPECT_LE(f.gap(1), 2700ms);
    // Accepted again: the normal interval.
    EXPECT_GE(f.gitlab.count(Endpoint::request_job), 4u);
    EXPECT_LE(f.gap(2), 700ms);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, Edge16TheDocumentedPauseWhereItIsSet) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.gitlab.faults().fail_next(Endpoint::request_job, 403, 1);
    config::Runner runner;
    runner.unhealthy_requests_limit = 1;
    runner.unhealthy_interval = 300ms;
    const auto poller = f.poller(runner);
    co_await PollerTest::poll_for(*poller, 700ms);
    EXPECT_GE(f.gap(0), 290ms);
    EXPECT_LE(f.gap(1), 290ms);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, AJobThatCannotBeReadIsGivenBack) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    auto payload = local::JobBuilder{}.build();
    payload["steps"] = "not a list";
    const auto id = f.gitlab.enqueue(payload);
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 200ms);
    const auto& record = f.gitlab.job(id);
    EXPECT_EQ(record.state, JobState::failed);
    EXPECT_EQ(record.failure_reason, "runner_system_failure");
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 1u);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, AJobThatCannotBeReadIsGivenBackWhenTheCoordinatorIsBack) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    auto payload = local::JobBuilder{}.build();
    payload["steps"] = "not a list";
    const auto id = f.gitlab.enqueue(payload);
    // Five attempts of the first try, and one of the second.
    f.gitlab.faults().fail_next(Endpoint::finish_job, 503, 6);
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 1500ms);
    EXPECT_EQ(f.gitlab.job(id).state, JobState::failed);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 7u);
    EXPECT_GE(f.gitlab.count(Endpoint::request_job), 10u) << "polling goes on meanwhile";
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, AJobThatCannotBeReadAndIsNotWantedBackIsForgotten) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    auto payload = local::JobBuilder{}.build();
    payload["steps"] = "not a list";
    f.gitlab.enqueue(payload);
    f.gitlab.faults().fail_next(Endpoint::finish_job, 409);
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 300ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::finish_job), 1u);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, Edge16WhatIsNoRefusalNeverStopsPolling) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    config::Runner runner;
    runner.unhealthy_requests_limit = 1;
    runner.unhealthy_interval = 1h;
    auto& faults = f.gitlab.faults();
    faults.fail_next(Endpoint::request_job, 409, 10);
    faults.fail_next(Endpoint::request_job, 500, 10);
    faults.drop_next(Endpoint::request_job, local::FaultPoint::before_processing, 10);
    faults.fail_next(Endpoint::request_job, {.status = 201, .body = "{}"}, 5);
    faults.fail_next(Endpoint::request_job, {.status = 201, .content_type = "text/html"}, 5);
    const auto poller = f.poller(runner, 10ms);
    co_await PollerTest::poll_for(*poller, 1500ms);
    EXPECT_EQ(faults.pending(), 0u);
    EXPECT_GE(f.gitlab.count(Endpoint::request_job), 45u);
    EXPECT_EQ(poller->counts().refused, 0u);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, Fault01ARefusedConnectionIsTriedAgainAtTheNormalTime) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.gitlab.set_presence(local::Presence::refusing);
    const auto poller = f.poller();
    auto polling = PollerTest::poll_for(*poller, 700ms);
    const auto come_back = [](PollerTest& fixture) -> asio::awaitable<void> {
      co_await util::sleep_for(300ms);
      EXPECT_EQ(fixture.gitlab.count(Endpoint::request_job), 0u);
      fixture.gitlab.set_presence(local::Presence::there);
    };
    auto returning = come_back(f);
    co_await util::both(std::move(polling), std::move(returning));
    EXPECT_GE(f.gitlab.count(Endpoint::request_job), 3u);
    EXPECT_GE(poller->counts().feeds, 6u) << "while it was away";
    EXPECT_LE(poller->counts().feeds, 20u);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, ARefusalForATokenThatWasReplacedMeanwhileSaysNothing) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    const util::Secret fresh{"glrt-fresh-0123456789"};
    f.gitlab.add_runner(fresh);
    const auto poller = f.poller({}, 10s);
    std::vector<std::string> tokens;
    const auto hook = [&](const net::Request& head,
                          std::string_view) -> std::optional<local::Answer> {
      tokens.push_back(head.headers.get("RUNNER-TOKEN"));
      if (tokens.size() > 1) return std::nullopt;
      // Replaced while this request is under way.
      poller->use_token({fresh, "2026-01-01T00:00:00Z", ""});
      return local::Answer{.status = 403};
    };
    f.gitlab.faults().set_hook(Endpoint::request_job, hook);
    co_await PollerTest::poll_for(*poller, 400ms);
    EXPECT_EQ(tokens.size(), 2u) << "asked again at once, and not refused";
    EXPECT_EQ(tokens.back(), fresh.reveal());
    EXPECT_EQ(poller->counts().refused, 0u);
    EXPECT_EQ(poller->runner().token_obtained_at, "2026-01-01T00:00:00Z");
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, AServiceThatDrainsIsNotPolledFor) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.service().drain();
    const auto poller = f.poller();
    co_await PollerTest::poll_for(*poller, 150ms);
    EXPECT_EQ(f.gitlab.count(Endpoint::request_job), 0u);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, ALongPollCanBeCancelled) {
  const auto test = [](PollerTest& f) -> asio::awaitable<void> {
    f.gitlab.faults().delay_next(Endpoint::request_job, 5s);
    const auto poller = f.poller();
    const auto begin = std::chrono::steady_clock::now();
    co_await PollerTest::poll_for(*poller, 100ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  };
  run<PollerTest>(test);
}

TEST_F(PollerTest, AServiceWithoutConcurrencyDoesNotStart) {
  concurrent = 0;
  EXPECT_THROW(service(), std::runtime_error);
}

}  // namespace
}  // namespace slipway::runner
