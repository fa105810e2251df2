#include "cmd/slipway/go_style.hpp"

#include <gtest/gtest.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>

namespace slipway::cmd {
namespace {

class GoStyleTest : public ::testing::Test {
 protected:
  GoStyleTest() {
    app.add_option("-u,--url", url, "");
    app.add_flag("-n,--non-interactive", quiet, "");
    app.add_option("--volumes")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->envname("GO_STYLE_TEST_VOLUMES");
  }

  std::vector<std::string> words(const std::vector<std::string>& given) const {
    return read_go_style(app, given).words;
  }
  std::string error(const std::vector<std::string>& given) const {
    try {
      read_go_style(app, given);
    } catch (const UsageError& failure) {
      return failure.what();
    }
    return "";
  }

  CLI::App app{"test", "test"};
  std::string url;
  bool quiet = false;
};

TEST_F(GoStyleTest, SpellsFlagsOneWay) {
  using Words = std::vector<std::string>;
  const struct {
    const char* what;
    Words given;
    Words want;
  } cases[] = {
      {"two dashes", {"--url", "x"}, {"--url", "x"}},
      {"one dash", {"-url", "x"}, {"--url", "x"}},
      {"letter", {"-u", "x"}, {"--url", "x"}},
      {"letter with two dashes", {"--u", "x"}, {"--url", "x"}},
      {"equals", {"-url=x=y"}, {"--url", "x=y"}},
      {"empty value", {"--url=", "-n"}, {"--url", "", "--non-interactive=true"}},
      {"value like a flag", {"--url", "-n"}, {"--url", "-n"}},
      {"boolean", {"-n"}, {"--non-interactive=true"}},
      {"boolean with value", {"-n=F"}, {"--non-interactive=false"}},
      {"boolean and a word", {"-n", "false", "-u", "x"}, {"--non-interactive=false", "--url", "x"}},
      {"repeated", {"--volumes", "a", "--volumes", "b,c"}, {"--volumes", "a", "--volumes", "b,c"}},
      {"help", {"-h"}, {"--help"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(words(c.given), c.want);
  }
}

TEST_F(GoStyleTest, StopsAtTheFirstOtherWord) {
  const std::vector<std::string> given{"-n", "run", "-x"};
  const auto result = read_go_style(app, given);
  EXPECT_EQ(result.words, (std::vector<std::string>{"--non-interactive=true"}));
  ASSERT_EQ(result.rest.size(), 2u);
  EXPECT_EQ(result.rest[0], "run");
  const std::vector<std::string> after_dashes{"--", "-n"};
  EXPECT_EQ(read_go_style(app, after_dashes).rest.size(), 1u);
  const std::vector<std::string> dash{"-"};
  EXPECT_EQ(read_go_style(app, dash).rest.size(), 1u);
}

TEST_F(GoStyleTest, NamesWhatIsWrong) {
  EXPECT_EQ(error({"--urll", "x"}), "flag provided but not defined: -urll");
  EXPECT_EQ(error({"-x=1"}), "flag provided but not defined: -x");
  EXPECT_EQ(error({"--url"}), "flag needs an argument: -url");
  EXPECT_EQ(error({"-n=maybe"}), "invalid boolean value \"maybe\" for -n: parse error");
}

TEST_F(GoStyleTest, TheEnvironmentsElementComesFirst) {
  ::setenv("GO_STYLE_TEST_VOLUMES", "e1,e2", 1);
  EXPECT_EQ(words({"--volumes", "a", "--volumes", "b"}),
            (std::vector<std::string>{"--volumes", "e1,e2", "--volumes", "a", "--volumes", "b"}));
  ::setenv("GO_STYLE_TEST_VOLUMES", "", 1);
  EXPECT_EQ(words({"--volumes", "a"}), (std::vector<std::string>{"--volumes", "a"}));
  ::unsetenv("GO_STYLE_TEST_VOLUMES");
}

}  // namespace
}  // namespace slipway::cmd
