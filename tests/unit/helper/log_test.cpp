#include "helper/log.hpp"

#include <gtest/gtest.h>

namespace slipway::helper {
namespace {

TEST(HelperLog, LinesArePaddedAndTheirFieldsSorted) {
  EXPECT_EQ(log_line(LogLevel::info, "hello"), "hello" + std::string(45, ' ') + "\x1b[0;m \n");
  EXPECT_EQ(log_line(LogLevel::warning, "Retrying...", {{"error", "e"}, {"context", "c"}}),
            "\x1b[0;33mWARNING: Retrying..." + std::string(30, ' ') +
                "\x1b[0;m  \x1b[0;33mcontext\x1b[0;m=c \x1b[0;33merror\x1b[0;m=e\n");
  EXPECT_EQ(log_line(LogLevel::error, "x"),
            "\x1b[31;1mERROR: x" + std::string(42, ' ') + "\x1b[0;m \n");
  const std::string longer(60, 'y');
  EXPECT_EQ(log_line(LogLevel::fatal, longer), "\x1b[31;1mFATAL: " + longer + "\x1b[0;m \n");
}

}  // namespace
}  // namespace slipway::helper
