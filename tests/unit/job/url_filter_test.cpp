#include "job/url_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"
#include "state_copy.hpp"

namespace slipway::job {
namespace {

TEST(UrlFilter, Edge35Table) {
  const struct {
    std::string text, want;
  } cases[] = {
      {"http://x/?private_token=abc def", "http://x/?private_token=[MASKED] def"},
      {"?X-AMZ-Signature=ab", "?X-AMZ-Signature=[MASKED]"},
      {"?a=1&Rss_Token=q&b=2", "?a=1&Rss_Token=[MASKED]&b=2"},
      {"?authenticity_token=q?rss_token=z\n", "?authenticity_token=[MASKED]?rss_token=[MASKED]\n"},
      {"?x-amz-credential=a/b%2F\tx", "?x-amz-credential=[MASKED]\tx"},
      {"?x-amz-security-token=\x01", "?x-amz-security-token=[MASKED]\x01"},
      {"?private_token=", "?private_token=[MASKED]"},
      {"?private_token=&x=1", "?private_token=[MASKED]&x=1"},
      {"?private_token", "?private_token"},
      {"?private_tokens=a", "?private_tokens=a"},
      {"?private_token_of_somebody_else=a", "?private_token_of_somebody_else=a"},
      {"private_token=a", "private_token=a"},
      {"?xprivate_token=a", "?xprivate_token=a"},
      {"??private_token=a", "??private_token=[MASKED]"},
      {"?priv&private_token=a", "?priv&private_token=[MASKED]"},
      {"&rss_token=a&&rss_token=b", "&rss_token=[MASKED]&&rss_token=[MASKED]"},
      {"?x-amz-s=1&x-amz-signature=2", "?x-amz-s=1&x-amz-signature=[MASKED]"},
      {"?=a", "?=a"},
      {"no marks at all", "no marks at all"},
  };
  for (const auto& c : cases) {
    for (const auto& chunks : splits(c.text)) {
      EXPECT_EQ(filtered(UrlFilter{}, chunks), c.want);
      EXPECT_EQ(filtered_anew(UrlFilter{}, chunks), c.want);
    }
  }
}

TEST(UrlFilter, Edge35ValueOfAnyLength) {
  const std::string value(200'000, 'v');
  EXPECT_EQ(filtered(UrlFilter{}, {"?rss_token=" + value, value, " end"}),
            "?rss_token=[MASKED] end");
}

TEST(UrlFilter, ResetEndsAValue) {
  UrlFilter filter;
  EXPECT_EQ(filter.write("?rss_token=a"), "?rss_token=[MASKED]");
  filter.reset();
  EXPECT_EQ(filter.write("next"), "next");
}

TEST(UrlFilter, StatesThatAreRead) {
  const struct {
    const char* what;
    std::uint64_t state;
    const char* key;   // null = none follows
    const char* want;  // after "en=x &rss_token=y"; null = refused
  } cases[] = {
      {"text", 0, nullptr, "en=x &rss_token=[MASKED]"},
      {"within a key", 1, "private_tok", "en=[MASKED] &rss_token=[MASKED]"},
      {"a key that has just begun", 1, "", "en=x &rss_token=[MASKED]"},
      {"within a value", 2, nullptr, " &rss_token=[MASKED]"},
      {"no such state", 3, nullptr, nullptr},
      {"no such key", 1, "public_tok", nullptr},
      {"a whole parameter", 1, "rss_token=", nullptr},
      {"longer than the key", 1, "rss_tokens", nullptr},
      {"a key without its text", 1, nullptr, nullptr},
      {"a text where there is no key", 0, "rss", nullptr},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    UrlFilter filter;
    const auto write = [&](StateWriter& state) {
      state.number(c.state);
      if (c.key != nullptr) state.text(c.key);
    };
    if (c.want == nullptr) {
      EXPECT_THROW(load_from(filter, write), std::invalid_argument);
      continue;
    }
    load_from(filter, write);
    EXPECT_EQ(filter.write("en=x &rss_token=y"), c.want);
  }
}

}  // namespace
}  // namespace slipway::job
