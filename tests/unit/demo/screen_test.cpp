#include "cmd/slipway-demo/screen.hpp"

#include <gtest/gtest.h>

namespace slipway::demo {
namespace {

TEST(ShellText, IsWhatAUserWouldType) {
  EXPECT_EQ(shell_text({"slipway", "run", "--config", "/tmp/a b/c.toml"}),
            "slipway run --config \"/tmp/a b/c.toml\"");
  EXPECT_EQ(shell_text({"slipway", "--docker-privileged", "--name", "", "--url", "http://h:1/"}),
            "slipway --docker-privileged --name \"\" --url http://h:1/");
  EXPECT_EQ(shell_text({"echo", "a\"b\\c$d`e"}), R"(echo "a\"b\\c\$d\`e")");
}

TEST(ShellText, KeepsFlagsBesideTheirValuesInLongCommands) {
  const std::string value(40, 'v');
  EXPECT_EQ(shell_text({"slipway", "--first", value, "--second", value, "--third"}),
            "slipway --first " + value + " \\\n    --second " + value + " --third");
}

TEST(Join, ReadsLikeASentence) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "b"}), "a and b");
  EXPECT_EQ(join({"a", "b", "c"}), "a, b and c");
}

}  // namespace
}  // namespace slipway::demo
