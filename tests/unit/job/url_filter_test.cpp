#include "job/url_filter.hpp"

#include <gtest/gtest.h>

#include "splits.hpp"

namespace slipway::job {
namespace {

TEST(UrlFilter, Coordinator35Table) {
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
    for (const auto& chunks : splits(c.text)) EXPECT_EQ(filtered(UrlFilter{}, chunks), c.want);
  }
}

TEST(UrlFilter, Coordinator35ValueOfAnyLength) {
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

}  // namespace
}  // namespace slipway::job
