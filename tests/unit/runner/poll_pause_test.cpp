#include "runner/poll_pause.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using Kind = gitlab_api::JobRequestResult::Kind;
using Pause = std::chrono::milliseconds;

gitlab_api::JobRequestResult answer(Kind kind) {
  gitlab_api::JobRequestResult result;
  result.kind = kind;
  return result;
}

std::vector<Pause> pauses(const config::Runner& runner, const std::vector<Kind>& kinds,
                          double random = 0.5) {
  PollPause pause{runner, 3s, [random] { return random; }};
  std::vector<Pause> result;
  for (const auto kind : kinds) result.push_back(pause.after(answer(kind)));
  return result;
}

TEST(PollPause, HealthyAnswers) {
  const std::vector<Kind> kinds{Kind::job, Kind::none, Kind::failed, Kind::unusable, Kind::job};
  config::Runner runner;
  EXPECT_EQ(pauses(runner, kinds), (std::vector<Pause>{0s, 3s, 3s, 3s, 0s}));
  runner.strict_check_interval = true;
  EXPECT_EQ(pauses(runner, kinds), (std::vector<Pause>{3s, 3s, 3s, 3s, 3s}));
}

TEST(PollPause, RefusalsAreAskedAgainForEver) {
  const std::vector<Kind> kinds(9, Kind::forbidden);
  EXPECT_EQ(pauses({}, kinds), (std::vector<Pause>{1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s, 30s}));
  EXPECT_EQ(pauses({}, {Kind::forbidden, Kind::client_error, Kind::none, Kind::client_error}),
            (std::vector<Pause>{1s, 2s, 3s, 1s}));
}

TEST(PollPause, JitterGoesToBothSides) {
  EXPECT_EQ(pauses({}, {Kind::forbidden, Kind::forbidden}, 0), (std::vector<Pause>{800ms, 1600ms}));
  EXPECT_EQ(pauses({}, {Kind::forbidden, Kind::forbidden}, 1),
            (std::vector<Pause>{1200ms, 2400ms}));
  for (int i = 0; i < 1000; ++i) {
    const auto random = PollPause::system_random();
    EXPECT_GE(random, 0);
    EXPECT_LT(random, 1);
  }
}

TEST(PollPause, TheLongOneIsOnlyForThoseWhoSetIt) {
  const std::vector<Kind> kinds(5, Kind::forbidden);
  config::Runner interval;
  interval.unhealthy_interval = 2min;
  EXPECT_EQ(pauses(interval, kinds), (std::vector<Pause>{1s, 2s, 2min, 1s, 2s}));
  config::Runner limit;
  limit.unhealthy_requests_limit = 1;
  EXPECT_EQ(pauses(limit, kinds), (std::vector<Pause>{1h, 1h, 1h, 1h, 1h}));
  config::Runner both = interval;
  both.unhealthy_requests_limit = 2;
  EXPECT_EQ(
      pauses(both, {Kind::forbidden, Kind::none, Kind::forbidden, Kind::forbidden, Kind::none}),
      (std::vector<Pause>{1s, 3s, 1s, 2min, 3s}));
  config::Runner nonsense;
  nonsense.unhealthy_requests_limit = 0;
  EXPECT_EQ(pauses(nonsense, kinds), (std::vector<Pause>{1s, 2s, 1h, 1s, 2s}));
}

}  // namespace
}  // namespace slipway::runner
