#include <gtest/gtest.h>

#include <chrono>

#include "executors/docker/image_name.hpp"
#include "executors/docker/plan_parts.hpp"

namespace slipway::executors::docker {
namespace {

struct PatternCase {
  std::string pattern;
  std::string text;
  bool matches;
};

TEST(Pattern, E37_FollowsTheTable) {
  const PatternCase cases[] = {
      {"*", "ruby", true},
      {"*", "ruby:3.3", true},
      {"*", "library/ruby", false},
      {"*/*:*", "library/ruby:3.3", true},
      {"*/*:*", "library/ruby", false},
      {"*/*:*", "a/b/c:1", false},
      {"reg.tld/*/*", "reg.tld/lib/ruby", true},
      {"reg.tld/*/*", "reg.tld/g/s/ruby", false},
      {"**/*", "ruby", true},
      {"**/*", "a/b/c:1", true},
      {"**/*:*", "ruby:1", true},
      {"**/*:*", "a/b/ruby:1", true},
      {"**/*:*", "library/ruby", false},
      {"reg.tld:5000/*:*", "reg.tld:5000/alpine:3", true},
      {"reg.tld:5000/*:*", "reg.tld:5000/ns/alpine:3", false},
      // whole string
      {"ruby", "ruby:3", false},
      {"ruby", "xruby", false},
      {"", "", true},
      {"", "ruby", false},
      // elements
      {"**", "a/b/c", true},
      {"a/**/c", "a/c", true},
      {"a/**/c", "a/b/b/c", true},
      {"a/**/c", "ac", false},
      {"a/**", "a/b/c", true},
      {"a/**", "a", true},
      {"a/**", "ab", false},
      {"a/**/**", "a", true},
      {"a/**/b", "a", false},
      {"a/**b", "a", false},
      {"*/**", "ruby", true},
      {"{a,b}/**", "b", true},
      {"a/", "a", false},
      {"", "/", false},
      {"a**/c", "ab/c", true},
      {"a**/c", "a/b/c", false},
      // one character
      {"rub?", "ruby", true},
      {"rub?", "rub", false},
      {"a?b", "a/b", false},
      // sets
      {"ruby:[0-9]", "ruby:3", true},
      {"ruby:[0-9]", "ruby:x", false},
      {"ruby:[^0-9]", "ruby:x", true},
      {"ruby:[!0-9]", "ruby:x", true},
      {"ruby:[!0-9]", "ruby:3", false},
      {"[]]", "]", true},
      {"[a\\]]", "]", true},
      {"a[/]b", "a/b", false},
      {"a[^x]b", "a/b", false},
      {"[a-]", "-", true},
      // alternatives
      {"{ruby,alpine}:*", "alpine:3", true},
      {"{ruby,alpine}:*", "debian:3", false},
      {"{a,b/{c,d}}:1", "b/d:1", true},
      {"x{,y}", "x", true},
      {"{a\\,b,c}", "a,b", true},
      {"{a\\,b,c}", "a", false},
      {"a{,b}**/d", "ax/d", true},
      {"a{,b}**/d", "a/x/y/d", false},
      // escapes
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"\\{a", "{a", true},
      // malformed: never
      {"[", "[", false},
      {"[a", "a", false},
      {"{a", "a", false},
      {"{a", "{a", false},
      {"a{b,c", "ab", false},
      {"\\", "\\", false},
      {"a\\", "a\\", false},
      {"a*\\", "ab\\", false},
      {"a\\", "a", false},
      {"[a\\", "a", false},
      {"{a,b[}", "a", false},
      {"{a,b\\}", "a", false},
      {"**/[", "a", false},
      // a brace that closes nothing is itself
      {"a}", "a}", true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(matches_pattern(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

TEST(Pattern, E37_ListsHaveNoNegation) {
  EXPECT_TRUE(any_match({}, "anything"));
  EXPECT_TRUE(any_match({"**", "!*/kali*"}, "kalilinux/kali-rolling"));
  EXPECT_FALSE(any_match({"!alpine"}, "ruby"));
  EXPECT_TRUE(any_match({"ruby", "alpine"}, "alpine"));
  EXPECT_FALSE(any_match({"ruby", "alpine"}, "debian"));
}

TEST(Pattern, NestingHasAnEnd) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{a,";
  EXPECT_FALSE(matches_pattern(deep + std::string(10'000, '}'), "b"));
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  EXPECT_FALSE(matches_pattern(stars, "b"));
}

}  // namespace
}  // namespace slipway::executors::docker
