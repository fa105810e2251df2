#include <gmock/gmock.h>

#include <map>

#include "local/ci/expression.hpp"
#include "local/ci/pattern.hpp"

namespace slipway::local::ci {
namespace {

using ::testing::HasSubstr;

class MapLookup : public VariableLookup {
 public:
  std::map<std::string, std::string, std::less<>> values{{"A", "a"},
                                                         {"B", "b"},
                                                         {"EMPTY", ""},
                                                         {"BLANK", "  "},
                                                         {"TRUE", "true"},
                                                         {"REF", "feature/x"},
                                                         {"RE", "/^feature\\/.*$/"},
                                                         {"BAD", "/(/"},
                                                         {"PLAIN", "xfeature/xy"},
                                                         {"ICASE", "/FEAT/i"},
                                                         {"LINES", "one\ntwo"},
                                                         {"null", "set"}};
  std::optional<std::string> find(std::string_view name) const override {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  }
};

struct ExpressionCase {
  const char* text;
  bool holds;
};

const ExpressionCase cases[] = {
    {"$A", true},
    {"$NONE", false},
    {"$EMPTY", false},
    {"$BLANK", false},
    {"!$A", false},
    {"!$NONE", true},
    {"!!$A", true},
    {"!$EMPTY", true},
    {"\"x\"", true},
    {"''", false},
    {"null", false},
    {"true", true},
    {"false", false},
    {"/ab/", true},
    {"$A == \"a\"", true},
    {"$A == 'a'", true},
    {"$A==\"a\"", true},
    {"\"a\" == $A", true},
    {"$A != \"a\"", false},
    {"$A == $B", false},
    {"$A != $B", true},
    {"$NONE == null", true},
    {"null == $NONE", true},
    {"$EMPTY == null", false},
    {"$EMPTY == \"\"", true},
    {"$NONE != null", false},
    {"$NONE == \"\"", false},
    // A variable is text, never a boolean.
    {"$TRUE == true", false},
    {"$TRUE == \"true\"", true},
    {"true == true", true},
    {"$REF =~ /^feature/", true},
    {"$REF =~ /^feature\\/x$/", true},
    {"$REF =~ /FEATURE/", false},
    {"$REF =~ /FEATURE/i", true},
    {"$REF !~ /^feature/", false},
    {"$REF !~ /^main/", true},
    {"$NONE =~ /ab/", false},
    {"$NONE !~ /ab/", true},
    {"$NONE =~ /^$/", true},
    {"$REF =~ null", false},
    {"$REF !~ null", true},
    {"$REF =~ $NONE", false},
    {"$REF !~ $NONE", true},
    {"$REF =~ $RE", true},
    {"$A =~ $RE", false},
    {"$REF =~ $ICASE", true},
    // What is no regular expression is a text in which the left side is looked for.
    {"$REF =~ $PLAIN", true},
    {"$REF =~ $A", false},
    {"$REF =~ $BAD", false},
    {"$LINES =~ /one.two/", false},
    {"$LINES =~ /one.two/s", true},
    {"$LINES =~ /^two/", false},
    {"$LINES =~ /^two/m", true},
    {"$A && $B", true},
    {"$A && $NONE", false},
    {"$NONE && $A", false},
    {"$NONE || $A", true},
    {"$NONE || $NONE", false},
    // As in GitLab, an empty text is something for && and ||, and nothing as a result.
    {"$EMPTY && $A", true},
    {"$EMPTY || $A", false},
    {"$A == \"a\" && $B == \"b\"", true},
    {"$A == \"x\" || $B == \"b\"", true},
    // && binds tighter than ||, and comparisons bind tighter than both.
    {"$A || $NONE && $NONE", true},
    {"($A || $NONE) && $NONE", false},
    {"$NONE && $A || $B", true},
    {"$NONE && ($A || $B)", false},
    {"$A == \"a\" == true", true},
    {"((($A)))", true},
    {"!($A && $NONE)", true},
    {"! $A == false", true},
    {"$A\n&&\t$B", true},
    {"$null == \"set\"", true},
};

TEST(CiExpression, HoldsAsInGitlab) {
  const MapLookup lookup;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(Expression::parse(c.text).holds(lookup), c.holds);
  }
}

struct BadExpression {
  const char* text;
  const char* says;
};

TEST(CiExpression, WhatIsNoExpressionIsRefused) {
  const BadExpression bad[] = {
      {"", "the expression is empty"},
      {"   ", "the expression is empty"},
      {"()", "a value is missing at character 2"},
      {"$", "a variable's name is missing after $ at character 1"},
      {"${A}", "without braces"},
      {"$A =", "'=' is not understood at character 4"},
      {"$A = 'x'", "'=' is not understood"},
      {"$A === 'x'", "is not understood"},
      {"$A & $B", "'&' is not understood"},
      {"$A and $B", "'and' is not understood at character 4"},
      {"A", "'A' is not understood"},
      {"42", "'42' is not understood"},
      {"'a", "a string is not closed"},
      {"\"a'", "a string is not closed"},
      {"/a", "a regular expression is not closed"},
      {"/a/", "two characters or more"},
      {"//", "two characters or more"},
      {"/a(b/", "the regular expression is not valid"},
      {"/(?<n>ab)\\1/", "the regular expression is not valid"},
      {"$A $B", "an operator is missing at character 4"},
      {"$A ==", "a value is missing at the end"},
      {"== $A", "a value is missing at character 1"},
      {"$A && || $B", "a value is missing at character 7"},
      {"($A", "a ')' is missing at the end"},
      {"$A)", "a ')' without its '('"},
      {"!", "a value is missing at the end"},
      {"truex", "'truex' is not understood"},
      {"$A == /ab/x", "'x' is not understood"},
  };
  for (const auto& c : bad) {
    SCOPED_TRACE(c.text);
    try {
      Expression::parse(c.text);
      ADD_FAILURE() << "accepted";
    } catch (const ExpressionError& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.says));
    }
  }
}

TEST(CiExpression, LongOnesAreRefusedAndNoneRecursesDeep) {
  std::string text = "$A";
  for (int at = 0; at < 49; ++at) text += "&&$A";
  EXPECT_TRUE(Expression::parse(text).holds(MapLookup{}));
  EXPECT_THROW(Expression::parse(text + "&&$A"), ExpressionError);
  EXPECT_THROW(Expression::parse(std::string(100'000, '(')), ExpressionError);
  EXPECT_THROW(Expression::parse(std::string(100'000, '!')), ExpressionError);
}

TEST(CiExpression, NamesItsVariables) {
  EXPECT_EQ(Expression::parse("$B == 'x' && ($A || $B =~ /$C/) && !$D").variables(),
            (std::vector<std::string>{"B", "A", "D"}));
}

TEST(CiPattern, SlashesAndFlags) {
  EXPECT_FALSE(Pattern::from_slashes("abc"));
  EXPECT_FALSE(Pattern::from_slashes("/"));
  EXPECT_FALSE(Pattern::from_slashes("/abc/x"));
  EXPECT_FALSE(Pattern::from_slashes("/a(b/")->ok());
  EXPECT_FALSE(Pattern::from_slashes("/a(b/")->found_in("a(b"));
  EXPECT_TRUE(Pattern::from_slashes("/AB/i")->found_in("xaby"));
  // Linear in the text: with backtracking this would not end.
  EXPECT_FALSE(Pattern::from_slashes("/(a+)+$/")->found_in(std::string(50'000, 'a') + "b"));
}

}  // namespace
}  // namespace slipway::local::ci
