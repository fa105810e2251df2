#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "local/payload.hpp"
#include "service_fixture.hpp"
#include "tests/fakes/certificates.hpp"

namespace slipway::runner {
namespace {

using Requests = std::vector<ServiceTest::Request>;

std::chrono::milliseconds gap(const Requests& requests, std::size_t first, std::size_t second) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(requests.at(second).at -
                                                               requests.at(first).at);
}

Requests of(const Requests& requests, const std::string& token) {
  Requests chosen;
  std::ranges::copy_if(requests, std::back_inserter(chosen),
                       [&](const auto& request) { return request.token == token; });
  return chosen;
}

class Polling : public ServiceTest {};

TEST_F(Polling, Edge18RunnersTakeTurns) {
  options.config.check_interval = 1s;
  add_runner();
  add_runner();
  const auto test = [](Polling& f) -> asio::awaitable<void> {
    co_await f.requests_made(4);
    const auto all = f.requests();
    EXPECT_NE(all.at(0).token, all.at(1).token);
    EXPECT_GE(gap(all, 0, 1), 450ms);
    EXPECT_LE(gap(all, 0, 1), 950ms);
    for (const auto& runner : f.options.config.runners) {
      const auto own = of(all, runner.token.reveal());
      EXPECT_EQ(own.size(), 2u);
      EXPECT_GE(gap(own, 0, 1), 950ms);
      EXPECT_LE(gap(own, 0, 1), 1900ms);
    }
  };
  run_service<Polling>(test);
}

TEST_F(Polling, Edge18AJobIsFollowedByTheNextRequestAtOnce) {
  options.config.check_interval = 60s;
  options.config.concurrent = 3;
  add_runner();
  for (int i = 0; i < 2; ++i) gitlab.enqueue(local::JobBuilder{}.build());
  const auto test = [](Polling& f) -> asio::awaitable<void> {
    co_await f.requests_made(3);
    EXPECT_LE(gap(f.requests(), 0, 2), 2s);
    EXPECT_TRUE(f.gitlab.job(1).assigned);
    EXPECT_TRUE(f.gitlab.job(2).assigned);
  };
  run_service<Polling>(test);
}

TEST_F(Polling, Edge18NotWithAStrictInterval) {
  options.config.check_interval = 1s;
  options.config.concurrent = 3;
  add_runner();
  options.config.runners[0].strict_check_interval = true;
  for (int i = 0; i < 2; ++i) gitlab.enqueue(local::JobBuilder{}.build());
  const auto test = [](Polling& f) -> asio::awaitable<void> {
    co_await f.requests_made(2);
    EXPECT_GE(gap(f.requests(), 0, 1), 950ms);
    EXPECT_LE(gap(f.requests(), 0, 1), 1900ms);
  };
  run_service<Polling>(test);
}

TEST_F(Polling, Edge8TheCertificatesDirectoryIsLookedAtByHost) {
  const tests::CertificateAuthority ca;
  const auto identity = ca.issue();
  net::Endpoint listener{net::Endpoint::Scheme::https, "127.0.0.1", 0, {}};
  listener.tls.certificate = identity.certificate;
  listener.tls.key = identity.key;
  const auto port = gitlab.listen(listener);
  add_runner();
  options.config.runners[0].url = "https://127.0.0.1:" + std::to_string(port);
  options.config.check_interval = 1s;
  options.certs_dir = dir.path() / "certs";
  std::filesystem::create_directory(options.certs_dir);
  std::ofstream{dir.path() / "certs" / "127.0.0.1.crt"} << ca.certificate();
  const auto test = [](Polling& f) -> asio::awaitable<void> { co_await f.requests_made(1); };
  run_service<Polling>(test);
}

TEST_F(Polling, Edge46AStoppingServiceAsksForNoJobsAndReportsItsOwn) {
  options.config.check_interval = 1s;
  options.config.concurrent = 3;
  add_runner();
  gitlab.enqueue(local::JobBuilder{}.build());
  const auto test = [](Polling& f) -> asio::awaitable<void> {
    co_await f.taken(1);
    co_await f.requests_made(2);
    f.service().drain();
    const auto second = f.gitlab.enqueue(local::JobBuilder{}.build());
    co_await util::sleep_for(1300ms);
    EXPECT_EQ(f.requests().size(), 2u);
    EXPECT_FALSE(f.gitlab.job(second).assigned);
    EXPECT_EQ(f.gitlab.job(1).state, JobState::running) << "it may end by itself";
    f.service().abort("terminated");
    co_await f.gitlab.wait_finished(1, 10s);
    EXPECT_EQ(f.gitlab.job(1).failure_reason, "runner_interrupted");
    EXPECT_THAT(f.gitlab.job(1).trace, ::testing::HasSubstr("aborted: terminated"));
  };
  run_service<Polling>(test);
}

local::CoordinatorOptions holding_coordinator() {
  auto options = quiet_coordinator();
  options.long_poll = 50s;
  return options;
}

/// With a coordinator that holds requests.
class LongPolls : public ServiceTest {
 public:
  LongPolls() : ServiceTest{holding_coordinator()} {}
  static constexpr std::size_t runners = 20;

  asio::awaitable<void> all_wait(std::size_t count) const {
    for (int i = 0; gitlab.waiting_polls() < count; ++i) {
      if (i > 2000) throw util::TimeoutError{10s};
      co_await util::sleep_for(5ms);
    }
  }
};

TEST_F(LongPolls, AJobIsTakenAtOnceWhicheverRunnerItIsFor) {
  options.config.check_interval = 1s;
  options.config.concurrent = 2;
  for (std::size_t i = 0; i < runners; ++i) add_runner({"tag" + std::to_string(i)});
  const auto test = [](LongPolls& f) -> asio::awaitable<void> {
    co_await f.all_wait(LongPolls::runners);
    for (const int runner : {19, 0, 7, 12, 3, 18}) {
      auto payload = local::JobBuilder{}.build();
      payload["x_tags"] = {"tag" + std::to_string(runner)};
      const auto id = f.gitlab.enqueue(payload);
      co_await f.taken(id);
      const auto& record = f.gitlab.job(id);
      EXPECT_LT(*record.assigned_at - record.enqueued_at, 1s) << runner;
    }
  };
  run_service<LongPolls>(test, 30s);
}

TEST_F(LongPolls, AHeldRequestIsFollowedByTheNextAtOnce) {
  options.config.check_interval = 1s;
  add_runner();
  const auto test = [](LongPolls& f) -> asio::awaitable<void> {
    co_await f.all_wait(1);
    // As long as the interval, then nothing to do: no gap in which a job would wait.
    f.gitlab.faults().delay_next(Endpoint::request_job, 1s);
    const auto id = f.gitlab.enqueue(local::JobBuilder{}.build());
    co_await f.taken(id);
    EXPECT_LT(*f.gitlab.job(id).assigned_at - f.gitlab.job(id).enqueued_at, 1s);
  };
  run_service<LongPolls>(test);
}

TEST_F(LongPolls, RequestConcurrencyIsUsedAsFarAsItBringsJobs) {
  options.config.check_interval = 1s;
  options.config.concurrent = 10;
  add_runner();
  options.config.runners[0].request_concurrency = 3;
  const auto test = [](LongPolls& f) -> asio::awaitable<void> {
    co_await f.all_wait(1);
    co_await util::sleep_for(1500ms);
    EXPECT_EQ(f.gitlab.waiting_polls(), 1u) << "nothing came that would allow more";
    f.gitlab.enqueue(local::JobBuilder{}.build());
    co_await f.all_wait(2);
    co_await util::sleep_for(1200ms);
    EXPECT_EQ(f.gitlab.waiting_polls(), 2u);
  };
  run_service<LongPolls>(test);
}

TEST_F(LongPolls, RequestConcurrencyWithoutAdaptation) {
  options.config.check_interval = 1s;
  options.config.concurrent = 10;
  add_runner();
  options.config.runners[0].request_concurrency = 2;
  options.config.runners[0].feature_flags["FF_USE_ADAPTIVE_REQUEST_CONCURRENCY"] = false;
  const auto test = [](LongPolls& f) -> asio::awaitable<void> {
    co_await f.all_wait(2);
    co_await util::sleep_for(1200ms);
    EXPECT_EQ(f.gitlab.waiting_polls(), 2u);
  };
  run_service<LongPolls>(test);
}

TEST_F(LongPolls, RequestsUnderWayStayWithinTheLimits) {
  options.config.check_interval = 1s;
  options.config.concurrent = 10;
  for (int i = 0; i < 2; ++i) {
    add_runner({"tag" + std::to_string(i)});
    options.config.runners.back().request_concurrency = 3;
    options.config.runners.back().feature_flags["FF_USE_ADAPTIVE_REQUEST_CONCURRENCY"] = false;
  }
  options.config.runners[0].limit = 2;
  const auto test = [](LongPolls& f) -> asio::awaitable<void> {
    co_await f.all_wait(2 + 3);
    co_await util::sleep_for(1200ms);
    EXPECT_EQ(f.gitlab.waiting_polls(), 5u);
  };
  run_service<LongPolls>(test);
}

}  // namespace
}  // namespace slipway::runner
