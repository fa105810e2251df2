#include <gmock/gmock.h>

#include "local/exec/user_variables.hpp"

namespace slipway::local::exec {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string error_of(const std::string& text) {
  try {
    parse_user_variables(text, "vars");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

TEST(ExecVariables, Lines) {
  const auto list = parse_user_variables(
      "# comment\n\nA=1\n  B = two words \nexport C='$x # y'\nD=\"a\\n\\\"b\\\\\\t\"\nE=\r\nF=a=b\n"
      "G=\"first\nsecond\"\n",
      "vars");
  EXPECT_EQ(list.get("A"), "1");
  EXPECT_EQ(list.get("B"), "two words");
  EXPECT_EQ(list.get("C"), "$x # y");
  EXPECT_EQ(list.get("D"), "a\n\"b\\\\t");
  EXPECT_EQ(list.find("E"), "");
  EXPECT_EQ(list.get("F"), "a=b");
  EXPECT_EQ(list.get("G"), "first\nsecond");
  EXPECT_EQ(list.list().size(), 7u);
}

TEST(ExecVariables, Flags) {
  const auto list =
      parse_user_variables("[masked] A=1\n[file,raw]B=2\n[masked, file] C=3\nD=4", "vars").list();
  ASSERT_EQ(list.size(), 4u);
  EXPECT_TRUE(list[0].masked);
  EXPECT_FALSE(list[0].file);
  EXPECT_TRUE(list[1].file && list[1].raw && !list[1].masked);
  EXPECT_TRUE(list[2].masked && list[2].file);
  EXPECT_FALSE(list[3].masked || list[3].file || list[3].raw);
}

TEST(ExecVariables, WrongLinesAreNamedWithoutTheirValues) {
  EXPECT_THAT(error_of("A=1\nsecret-value\n"), testing::StartsWith("vars:2: "));
  EXPECT_THAT(error_of("A=1\nsecret-value\n"), Not(HasSubstr("secret")));
  EXPECT_THAT(error_of("1A=x"), HasSubstr("vars:1"));
  EXPECT_THAT(error_of("A-B=x"), HasSubstr("vars:1"));
  EXPECT_THAT(error_of("=x"), HasSubstr("vars:1"));
  EXPECT_THAT(error_of("[hidden] A=x"), HasSubstr("[hidden] is not known"));
  EXPECT_THAT(error_of("[masked A=x"), HasSubstr("not closed"));
  EXPECT_THAT(error_of("A='x"), HasSubstr("not closed"));
  EXPECT_THAT(error_of("A=\"x\ny"), HasSubstr("not closed"));
  EXPECT_THAT(error_of("A=\"x\" y"), HasSubstr("follows"));
}

TEST(ExecVariables, OnTheCommandLine) {
  EXPECT_EQ(parse_assignment("A=b=c", false).value, "b=c");
  EXPECT_TRUE(parse_assignment("A=", true).masked);
  EXPECT_THROW(parse_assignment("A", false), std::invalid_argument);
  EXPECT_THROW(parse_assignment("=x", false), std::invalid_argument);
}

TEST(ExecVariables, DotenvReports) {
  const auto list = parse_dotenv("A=1\n\nB = x y\nC=\"q\"\n");
  EXPECT_EQ(list.get("A"), "1");
  EXPECT_EQ(list.get("B"), "x y");
  EXPECT_EQ(list.get("C"), "\"q\"");
  EXPECT_THROW(parse_dotenv("A"), std::invalid_argument);
  EXPECT_THROW(parse_dotenv("A B=1"), std::invalid_argument);
  EXPECT_THROW(parse_dotenv("A=" + std::string(6'000, 'x')), std::invalid_argument);
}

}  // namespace
}  // namespace slipway::local::exec
