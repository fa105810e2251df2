#include "runner/trace_outage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log_capture.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct PauseCase {
  const char* what;
  std::chrono::milliseconds interval;
  int failures;
  double random;
  std::chrono::milliseconds pause;
};

TEST(CoordinatorOutage, ThePauseGrowsUpToALimit) {
  const PauseCase cases[] = {
      {"none", 3s, 0, 0, 3s},
      {"first", 3s, 1, 0, 3s},
      {"second", 3s, 2, 0, 6s},
      {"third", 3s, 3, 0, 12s},
      {"half a minute", 3s, 5, 0, 30s},
      {"for ever", 3s, 1'000'000, 0, 30s},
      {"ten times a short interval", 100ms, 9, 0, 1s},
      {"a long interval stays", 60s, 9, 0, 60s},
      {"the longest interval stays", 900s, 9, 0, 900s},
      {"random takes a quarter of what was added", 3s, 3, 1, 12s - 9000ms / 4},
      {"random leaves the first", 3s, 1, 1, 3s},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    CoordinatorOutage outage{7};
    const LogCapture silence;
    for (int i = 0; i < c.failures; ++i) outage.failed("sending the log", "refused");
    EXPECT_EQ(outage.pause(c.interval, c.random), c.pause);
  }
}

TEST(CoordinatorOutage, IsToldWhenItBeginsAndWhenItIsOver) {
  CoordinatorOutage outage{7};
  const LogCapture log;
  outage.answered();
  for (int i = 0; i < 100; ++i) outage.failed("sending the log", "connection refused");
  EXPECT_EQ(outage.failures(), 100);
  outage.answered();
  outage.answered();
  EXPECT_EQ(outage.failures(), 0);
  outage.failed("asking for the job's state", "503 Service Unavailable");
  EXPECT_THAT(log.lines(),
              ElementsAre(AllOf(StartsWith("warning sending the log: connection refused"),
                                HasSubstr("job=7")),
                          AllOf(StartsWith("info the coordinator is back job=7 failures=100")),
                          StartsWith("warning asking for the job's state: 503")));
}

}  // namespace
}  // namespace slipway::runner
