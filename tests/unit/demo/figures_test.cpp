#include "cmd/slipway-demo/figures.hpp"

#include <gmock/gmock.h>

namespace slipway::demo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Figures, AreReadFromTheDaemonsLog) {
  const auto figures = find_figures(
      "Checking for jobs... received                       job=1\n"
      "job finished                                        duration=70250ms engine_calls=23 job=2 "
      "prepare=1ms result=script_failure starts=9\n"
      "job finished                                        duration=5920ms engine_calls=24 job=1 "
      "prepare=2810ms project=1 result=success script=125300ms sources=303ms starts=3\n"
      "job finished  job=1 result=again\n",
      1);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->result, "success");
  EXPECT_EQ(figures->duration, "5.9 s");
  EXPECT_EQ(figures->starts, 3u);
  EXPECT_EQ(figures->engine_calls, 24u);
  EXPECT_THAT(figures->phases, ElementsAre(Pair("prepare", "2.8 s"), Pair("sources", "303 ms"),
                                           Pair("script", "2 min 5 s")));
}

TEST(Figures, TakeWhatIsThere) {
  const auto figures = find_figures("job finished job=7 duration=x script=-3ms starts=3x", 7);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->result, "");
  EXPECT_EQ(figures->duration, "0 ms");
  EXPECT_EQ(figures->starts, 0u);
  EXPECT_THAT(figures->phases, IsEmpty());
}

TEST(Figures, AreMissingBeforeTheEnd) {
  for (const auto* log : {"", "job finished", "job finished job=11", "Job succeeded job=1"})
    EXPECT_FALSE(find_figures(log, 1)) << log;
}

TEST(Figures, DurationsAreReadable) {
  EXPECT_EQ(duration_text(0), "0 ms");
  EXPECT_EQ(duration_text(999), "999 ms");
  EXPECT_EQ(duration_text(1'000), "1.0 s");
  EXPECT_EQ(duration_text(59'940), "59.9 s");
  EXPECT_EQ(duration_text(60'000), "1 min 0 s");
  EXPECT_EQ(duration_text(3'725'000), "62 min 5 s");
}

}  // namespace
}  // namespace slipway::demo
