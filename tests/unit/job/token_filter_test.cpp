#include "job/token_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

std::string masked(std::vector<std::string> prefixes, const Chunks& chunks) {
  const ValueMatcher matcher{std::move(prefixes)};
  const auto text = filtered(TokenFilter{matcher}, chunks);
  EXPECT_EQ(filtered_anew(TokenFilter{matcher}, chunks), text);
  return text;
}

TEST(TokenFilter, Edge36Table) {
  const auto defaults = default_token_prefixes(true);
  const struct {
    std::string text, want;
  } cases[] = {
      {"glpat-abc.d", "glpat-[MASKED]"},
      {"glpat-abc.d e", "glpat-[MASKED] e"},
      {"glpat- abc", "glpat- abc"},
      {"glpat-", "glpat-"},
      {"xglpat-abc", "xglpat-[MASKED]"},
      {"glglpat-abc", "glglpat-[MASKED]"},
      {"glpat-aglrt-b", "glpat-[MASKED]"},
      {"glpat-a/glrt-b", "glpat-[MASKED]/glrt-[MASKED]"},
      {"glpat-:glpat-a", "glpat-:glpat-[MASKED]"},
      {"Cookie: _gitlab_session=0a=;", "Cookie: _gitlab_session=[MASKED];"},
      {"glpat-\xc3\xa9", "glpat-\xc3\xa9"},
      {"GLPAT-abc glpat_abc", "GLPAT-abc glpat_abc"},
      {"glcbt-64_a-B.c_=d!", "glcbt-[MASKED]!"},
  };
  for (const auto& c : cases) {
    for (const auto& chunks : splits(c.text)) EXPECT_EQ(masked(defaults, chunks), c.want);
  }
}

TEST(TokenFilter, EveryPrefixCountsNotOnlyFifteen) {
  auto prefixes = default_token_prefixes(true);
  EXPECT_EQ(prefixes.size(), 14u);
  for (int i = 10; i < 30; ++i) prefixes.push_back("custom-prefix-" + std::to_string(i) + ":");
  for (const auto& prefix : prefixes) {
    EXPECT_EQ(masked(prefixes, {"a " + prefix + "abc b"}), "a " + prefix + "[MASKED] b");
  }
}

TEST(TokenFilter, OnlyPersonalTokensWithoutTheDefaults) {
  EXPECT_EQ(masked(default_token_prefixes(false), {"glpat-a glrt-b"}), "glpat-[MASKED] glrt-b");
}

TEST(TokenFilter, PrefixesThatOverlap) {
  for (const auto& chunks : splits("ab cd-12")) {
    EXPECT_EQ(masked({"ab ", "b cd-"}, chunks), "ab [MASKED]");
  }
  // The first is not followed by a token, the second began within it.
  for (const auto& chunks : splits("ab: x-12")) {
    EXPECT_EQ(masked({"ab:", "b: x-"}, chunks), "ab: x-[MASKED]");
  }
  EXPECT_EQ(masked({""}, {"abc"}), "abc");
}

TEST(TokenFilter, ResetEndsAToken) {
  const ValueMatcher matcher{{"glpat-"}};
  TokenFilter filter{matcher};
  EXPECT_EQ(filter.write("glpat-a"), "glpat-[MASKED]");
  filter.reset();
  EXPECT_EQ(filter.write("next"), "next");
}

TEST(TokenFilter, AStateWithinAPrefixIsReadWithOtherPrefixes) {
  const ValueMatcher before{{"glpat-", "ab:"}};
  const ValueMatcher after{{"at-", "glpat-", "glpat-x-"}};
  TokenFilter filter{before};
  EXPECT_EQ(filter.write("ab:glpa"), "ab:[MASKED]");
  EXPECT_EQ(filter.write(" glpa"), " glpa");
  TokenFilter restored{after};
  copy_state(filter, restored);
  EXPECT_EQ(restored.write("t-1 at-2 ab:3"), "t-[MASKED] at-[MASKED] ab:3");
}

TEST(TokenFilter, AStateIsNoMoreThanThePrefixSoFar) {
  const ValueMatcher prefixes{{"glpat-"}};
  const auto saved = [&](std::string_view text) {
    TokenFilter filter{prefixes};
    filter.write(text);
    StateWriter writer;
    filter.save(writer);
    return std::move(writer).finish().substr(5);
  };
  EXPECT_EQ(saved("some text"), std::string(2, '\0'));
  EXPECT_EQ(saved("glp"), std::string("\0\x03glp", 5));
  EXPECT_EQ(saved("glpat-"), std::string("\x01\0", 2));
  EXPECT_EQ(saved("glpat-secret"), "\x02");
}

TEST(TokenFilter, AStateThatDoesNotExistIsRefused) {
  const ValueMatcher prefixes{{"glpat-"}};
  TokenFilter filter{prefixes};
  EXPECT_THROW(load_from(filter, [](StateWriter& state) { state.number(3); }),
               std::invalid_argument);
  EXPECT_THROW(load_from(filter, [](StateWriter& state) { state.number(0); }),
               std::invalid_argument);
}

}  // namespace
}  // namespace slipway::job
