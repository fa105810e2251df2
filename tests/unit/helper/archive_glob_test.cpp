#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/clean_path.hpp"
#include "helper/archive/compression_level.hpp"
#include "helper/archive/glob.hpp"

namespace slipway::helper::archive {
namespace {

TEST(ArchiveGlob, E57Matches) {
  struct Case {
    const char* pattern;
    std::vector<std::string> yes;
    std::vector<std::string> no;
  };
  const Case cases[] = {
      {"a", {"a"}, {"b", "a/b", "ab"}},
      {"a/b", {"a/b"}, {"a", "a/b/c", "ab"}},
      {"*", {"a", ".hidden", "a b\n"}, {"a/b", "."}},
      {"*.txt", {".txt", "a.txt"}, {"a.txtx", "d/a.txt"}},
      {"a*b*c", {"abc", "axxbxxbc"}, {"ab", "acb"}},
      {"?", {"a", "é", "\xFF"}, {"", "ab", "/"}},
      {"a?c", {"abc", "a*c"}, {"ac", "a/c"}},
      {"[abc]", {"a", "c"}, {"d", "[abc]"}},
      {"[^a-c]x", {"dx", "éx"}, {"bx"}},
      {"[!a-c]", {"d"}, {"b"}},
      {"[a-]", {"a", "-"}, {"b"}},
      {"[é-ü]", {"ö"}, {"z"}},
      {"[\\]]", {"]"}, {"\\"}},
      {"\\*", {"*"}, {"a", "\\*"}},
      {"a\\[b*", {"a[b", "a[bc"}, {"ab"}},
      {"**", {"a", "a/b", ".", ".a/.b"}, {}},
      {"dir/**", {"dir", "dir/a", "dir/a/b"}, {"dirx", "x/dir"}},
      {"a/**/*.txt", {"a/x.txt", "a/b/x.txt", "a/b/c/x.txt"}, {"a.txt", "b/x.txt", "a/x.txt/y"}},
      {"a/**.txt", {"a/x.txt"}, {"a/b/x.txt"}},
      {"**/x", {"x", "a/x", "a/b/x"}, {"x/a"}},
      {"a/**/b/**/c", {"a/b/c", "a/1/b/2/3/c"}, {"a/c", "a/b"}},
      {"*/b", {"a/b"}, {"b", "a/a/b"}},
  };
  for (const auto& c : cases) {
    const Glob glob{c.pattern};
    for (const auto& path : c.yes) EXPECT_TRUE(glob.matches(path)) << c.pattern << " " << path;
    for (const auto& path : c.no) EXPECT_FALSE(glob.matches(path)) << c.pattern << " " << path;
  }
}

TEST(ArchiveGlob, HasAPrefixWithoutWildcards) {
  EXPECT_EQ(Glob{"a/b/*/c"}.prefix(), "a/b");
  EXPECT_EQ(Glob{"a\\*/b"}.prefix(), "a*/b");
  EXPECT_EQ(Glob{"**"}.prefix(), ".");
}

TEST(ArchiveGlob, TakesNoTimeForManyStars) {
  const Glob glob{std::string(200, '*') + "a*a*a*a*a*a*a*a*a*a*b"};
  EXPECT_FALSE(glob.matches(std::string(5000, 'a')));
}

TEST(ArchiveGlob, RefusesBadPatterns) {
  for (const auto* pattern : {"[", "[a", "[]", "*\\", "a[^", "[a-"})
    EXPECT_THROW(Glob{pattern}, ArchiveError) << pattern;
  std::string deep = "*";
  for (int i = 0; i < 63; ++i) deep += "/*";
  EXPECT_THROW(Glob{deep}, ArchiveError);
}

TEST(ArchiveGlob, ExpandsBraces) {
  using List = std::vector<std::string>;
  EXPECT_EQ(expand_braces("a"), List{"a"});
  EXPECT_EQ(expand_braces("{a,b}.txt"), (List{"a.txt", "b.txt"}));
  EXPECT_EQ(expand_braces("a{b,c{d,e}}f"), (List{"abf", "acdf", "acef"}));
  EXPECT_EQ(expand_braces("{a,b}{c,d}"), (List{"ac", "ad", "bc", "bd"}));
  EXPECT_EQ(expand_braces("x{,/y}"), (List{"x", "x/y"}));
  EXPECT_EQ(expand_braces("\\{a,b\\}"), List{"\\{a,b\\}"});
  EXPECT_EQ(expand_braces("[{]a,b[}]"), List{"[{]a,b[}]"});
  EXPECT_THROW(expand_braces("{a,b"), ArchiveError);
  std::string many;
  for (int i = 0; i < 11; ++i) many += "{a,b}";
  EXPECT_THROW(expand_braces(many), ArchiveError);
  std::string empty;
  for (int i = 0; i < 100'000; ++i) empty += "{}";
  EXPECT_THROW(expand_braces(empty), ArchiveError);
}

TEST(ArchiveCleanPath, OfText) {
  const std::pair<const char*, const char*> cases[] = {{"", "."},
                                                       {".", "."},
                                                       {"a//b/./c/", "a/b/c"},
                                                       {"a/../b", "b"},
                                                       {"a/..", "."},
                                                       {"..", ".."},
                                                       {"../../a", "../../a"},
                                                       {"a/../../b", "../b"},
                                                       {"/", "/"},
                                                       {"/..", "/"},
                                                       {"/a/../..//b", "/b"},
                                                       {"...", "..."},
                                                       {"a/b/../../c", "c"},
                                                       {"/a/b/", "/a/b"}};
  for (const auto& [text, want] : cases) EXPECT_EQ(clean_path(text), want) << text;
  EXPECT_TRUE(leaves(".."));
  EXPECT_TRUE(leaves("../a"));
  EXPECT_FALSE(leaves("..a"));
}

TEST(ArchiveCleanPath, RelativeToTheProject) {
  EXPECT_EQ(relative_to("/p/q", "a/./b"), "a/b");
  EXPECT_EQ(relative_to("/p/q", "/p/q/a"), "a");
  EXPECT_EQ(relative_to("/p/q", "/p/q/"), ".");
  EXPECT_EQ(relative_to("/", "/a"), "a");
  for (const auto* outside : {"/p", "/p/qq", "/p/q/../r", "../x", "a/../../x"})
    EXPECT_TRUE(leaves(relative_to("/p/q", outside))) << outside;
}

TEST(ArchiveCompressionLevel, OfTheUsersWords) {
  EXPECT_EQ(compression_level("fastest"), CompressionLevel::fastest);
  EXPECT_EQ(compression_level("default"), CompressionLevel::normal);
  EXPECT_EQ(compression_level(""), CompressionLevel::normal);
  EXPECT_EQ(compression_level("Fast"), std::nullopt);
  const std::pair<const char*, int> levels[] = {
      {"fastest", 0}, {"fast", 1}, {"default", 5}, {"slow", 7}, {"slowest", 9}};
  for (const auto& [word, level] : levels)
    EXPECT_EQ(deflate_level(*compression_level(word)), level) << word;
}

}  // namespace
}  // namespace slipway::helper::archive
