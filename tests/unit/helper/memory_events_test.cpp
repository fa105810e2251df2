#include "helper/agent/memory_events.hpp"

#include <gtest/gtest.h>

namespace slipway::helper {
namespace {

TEST(MemoryEvents, CountOfBothVersionsOfControlGroups) {
  struct Case {
    const char* text;
    std::uint64_t want;
  };
  const Case cases[] = {
      {"", 0},
      {"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n", 2},
      {"oom_kill_disable 0\nunder_oom 0\noom_kill 7", 7},
      {"oom_kill_disable 1\nunder_oom 0\n", 0},
      {"oom_kill x\n", 0},
      {"\n\noom_kill 1\n", 1},
  };
  for (const auto& c : cases) EXPECT_EQ(oom_kills_in(c.text), c.want) << c.text;
}

TEST(MemoryEvents, AreReadWhereverThisRuns) {
  EXPECT_GE(oom_kills(), 0u);
}

}  // namespace
}  // namespace slipway::helper
