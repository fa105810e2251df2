#include <gtest/gtest.h>

#include <string>

#include "local/ci/glob.hpp"

namespace slipway::local::ci {
namespace {

struct GlobCase {
  const char* pattern;
  const char* path;
  bool matches;
};

// Compared with Ruby 3.1's File.fnmatch? with PATHNAME, DOTMATCH and EXTGLOB.
const GlobCase glob_cases[] = {
    {"Dockerfile", "Dockerfile", true},
    {"Dockerfile", "a/Dockerfile", false},
    {"*", "a", true},
    {"*", "a/b", false},
    {"*", ".env", true},
    {"*.rb", "a.rb", true},
    {"*.rb", "a/b.rb", false},
    {"**.rb", "a/b.rb", false},
    {"**/*.rb", "a.rb", true},
    {"**/*.rb", "a/b/c.rb", true},
    {"**/*.rb", "a/.b/c.rb", true},
    {"a/**", "a/b", true},
    {"a/**", "a/b/c", false},
    {"a/**/*", "a/b/c", true},
    {"a/**/*", "a/b", true},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "ab", false},
    {"**/b/**/d", "a/b/c/d", true},
    {"**/a/**/b/c", "a/x/b/b/c", true},
    {"a/*/c", "a/b/c", true},
    {"a/*/c", "a/b/b/c", false},
    {"a/", "a/b", false},
    {"?", "a", true},
    {"?", "é", true},
    {"?", "/", false},
    {"[ab]x", "bx", true},
    {"[!ab]x", "bx", false},
    {"[^ab]x", "cx", true},
    {"[a-c]", "b", true},
    {"[a-c]", "d", false},
    {"[é]", "é", true},
    {"[a", "[a", false},
    {"[]a]", "]", false},
    {"{a,b}", "b", true},
    {"{a,{b,c}}", "c", true},
    {"{a,b}/c", "b/c", true},
    {"**/*.{js,ts}", "x/y.ts", true},
    {"{**/*.md,docs/**}", "docs/x", true},
    {"{a", "{a", false},
    {"a}", "a}", true},
    {"{}", "", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\{a,b}", "{a,b}", true},
    {"a\\", "a", true},
    {"a*b*c", "aXbXc", true},
    {"a*b*c", "aXbX", false},
    {"", "", true},
    {"", "a", false},
    {"**/", "a/", true},
};

TEST(CiGlob, MatchesAsRubyDoes) {
  for (const auto& c : glob_cases)
    EXPECT_EQ(glob_matches(c.pattern, c.path), c.matches) << c.pattern << " " << c.path;
}

TEST(CiGlob, HostilePatternsEnd) {
  std::string stars;
  for (int at = 0; at < 2000; ++at) stars += "*a";
  EXPECT_FALSE(glob_matches(stars, std::string(3000, 'a') + "b"));
  std::string deep;
  for (int at = 0; at < 500; ++at) deep += "**/a/";
  std::string path;
  for (int at = 0; at < 1000; ++at) path += "a/";
  EXPECT_FALSE(glob_matches(deep + "c", path + "b"));
  std::string braces;
  for (int at = 0; at < 100; ++at) braces += "{a,b}";
  EXPECT_FALSE(glob_matches(braces, std::string(99, 'a')));
  EXPECT_FALSE(glob_matches(std::string(10'000, '{'), "a"));
}

TEST(CiGlob, WildcardsOfIncludes) {
  const GlobCase cases[] = {
      {"ci/*.yml", "ci/a.yml", true},
      {"ci/*.yml", "ci/x/a.yml", false},
      {"ci/**.yml", "ci/a.yml", true},
      {"ci/**.yml", "ci/x/a.yml", true},
      {"ci/**/*.yml", "ci/x/a.yml", true},
      {"ci/**/*.yml", "ci/a.yml", false},
      {"ci/*/x.yml", "ci/a/x.yml", true},
      {"*", "", true},
      {"a.yml", "axyml", false},
      {"ci/[a].yml", "ci/a.yml", false},
      {"**", "a/b/c", true},
      {"a*", "a/b", false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(wildcard_matches(c.pattern, c.path), c.matches) << c.pattern << " " << c.path;
}

TEST(CiGlob, KnowsGlobs) {
  EXPECT_FALSE(is_glob("a/b.c"));
  for (const auto* text : {"*", "a?", "[a]", "{a"}) EXPECT_TRUE(is_glob(text)) << text;
}

}  // namespace
}  // namespace slipway::local::ci
