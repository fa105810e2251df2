#include "job/token_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"

namespace slipway::job {
namespace {

std::string masked(std::vector<std::string> prefixes, const Chunks& chunks) {
  const ValueMatcher matcher{std::move(prefixes)};
  return filtered(TokenFilter{matcher}, chunks);
}

TEST(TokenFilter, Coordinator36Table) {
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

}  // namespace
}  // namespace slipway::job
