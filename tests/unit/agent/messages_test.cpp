#include "agent/messages.hpp"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

TEST(ExitMessage, KeepsEveryMember) {
  for (const bool limit : {false, true})
    for (const bool interrupted : {false, true})
      for (const bool memory : {false, true}) {
        Exit exit;
        exit.stage = 4;
        exit.code = 137;
        exit.signal = 9;
        exit.limit_reached = limit;
        exit.interrupted = interrupted;
        exit.out_of_memory = memory;
        exit.error = "e";
        exit.cpu = std::chrono::milliseconds{12};
        exit.peak_memory_kib = 34;
        const auto back = decode_exit(4, encode_exit(exit, 56));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->position, 56u);
        EXPECT_EQ(back->exit.code, 137);
        EXPECT_EQ(back->exit.signal, 9);
        EXPECT_EQ(back->exit.limit_reached, limit);
        EXPECT_EQ(back->exit.interrupted, interrupted);
        EXPECT_EQ(back->exit.out_of_memory, memory);
        EXPECT_EQ(back->exit.error, "e");
        EXPECT_EQ(back->exit.cpu.count(), 12);
        EXPECT_EQ(back->exit.peak_memory_kib, 34u);
      }
}

// A bit of the causes that this version does not know, and bytes behind what it knows.
TEST(ExitMessage, IgnoresWhatALaterVersionAdds) {
  auto bytes = encode_exit({.code = 3}, 0);
  bytes[16] = static_cast<char>(0x80);
  const auto back = decode_exit(1, bytes + "more");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->exit.code, 3);
  EXPECT_FALSE(back->exit.limit_reached || back->exit.interrupted || back->exit.out_of_memory);
}

}  // namespace
}  // namespace slipway::agent
