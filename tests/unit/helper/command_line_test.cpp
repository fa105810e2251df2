#include "helper/commands/command_line.hpp"

#include <gmock/gmock.h>

#include <array>

#include "helper/commands/env_file.hpp"

namespace slipway::helper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

constexpr std::array options{
    Option{"name", Option::Kind::value, "NAME", 'n'},
    Option{"path", Option::Kind::list},
    Option{"all", Option::Kind::flag, "ALL"},
};

CommandLine line(const std::vector<std::string>& words) {
  return {options, words, [](std::string_view name) -> std::optional<std::string> {
            if (name == "NAME") return "from outside";
            return name == "ALL" ? std::optional<std::string>{"1"} : std::nullopt;
          }};
}

TEST(CommandLine, OptionsInAllTheirForms) {
  const auto parsed = line({"-name", "a", "--name=b=c", "-path", "-x", "--path=", "--all=false",
                            "command", "--name", "d"});
  EXPECT_EQ(parsed.text("name"), "b=c");
  EXPECT_THAT(parsed.list("path"), ElementsAre("-x", ""));
  EXPECT_FALSE(parsed.flag("all"));
  EXPECT_THAT(parsed.rest(), ElementsAre("command", "--name", "d"));
}

TEST(CommandLine, WhatIsNotGivenComesFromTheEnvironment) {
  const auto parsed = line({"--", "--name"});
  EXPECT_EQ(parsed.text("name"), "from outside");
  EXPECT_TRUE(parsed.flag("all"));
  EXPECT_THAT(parsed.rest(), ElementsAre("--name"));
  EXPECT_EQ(line({"-n", "x"}).text("name"), "x");
}

TEST(CommandLine, WhatItIsNotIsSaid) {
  EXPECT_THROW(line({"--nane", "a"}), UsageError);
  EXPECT_THROW(line({"--name"}), UsageError);
  EXPECT_THROW(line({"--all=maybe"}).flag("all"), UsageError);
  EXPECT_THROW(line({"--name", "1x"}).number("name", 0), UsageError);
  EXPECT_THROW(line({"--name", "-1"}).number("name", 0), UsageError);
  EXPECT_THROW(line({"--name", "10"}).duration("name", 0ms), UsageError);
  EXPECT_EQ(line({"--name", "17"}).number("name", 0), 17u);
  EXPECT_EQ(line({"--name="}).number("name", 5), 5u);
}

TEST(GoDuration, AsGoReadsIt) {
  const struct {
    const char* text;
    std::optional<std::chrono::milliseconds> want;
  } cases[] = {
      {"1h0m0s", 1h},     {"10m", 10min},   {"1.5s", 1500ms}, {"300ms", 300ms},
      {"0", 0ms},         {"-2s", -2000ms}, {"1500us", 1ms},  {"1h1m1.001s", 3661001ms},
      {"", std::nullopt}, {"10", {}},       {"s", {}},        {"1 s", {}},
      {"1d", {}},         {"1e3s", {}},     {"--1s", {}},     {"9999999h", {}},
      {"1s-1s", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_go_duration(c.text), c.want) << c.text;
}

TEST(EnvFile, LinesWithTheirEscapes) {
  EXPECT_THAT(parse_env_file("A=\"x \\\"y\\\" \\\\ \\n\"\n# no\n\nB = plain \nC='$x\\n'\nD=\n"
                             "nonsense\nE F=1\nG=\"a\\"),
              ElementsAre(Pair("A", "x \"y\" \\ \n"), Pair("B", "plain"), Pair("C", "$x\\n"),
                          Pair("D", ""), Pair("G", "\"a\\")));
}

}  // namespace
}  // namespace slipway::helper
