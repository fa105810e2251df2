#include "helper/expansion.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace slipway::helper {
namespace {

const std::map<std::string, std::string, std::less<>>& variables() {
  static const std::map<std::string, std::string, std::less<>> all{
      {"A", "alpha"},
      {"B", "a.b.c"},
      {"PATHS", "src/lib/main.cpp"},
      {"EMPTY", ""},
      {"N", "7"},
      {"SUM", "N + 1"},
      {"UTF", "grün"},
      {"STAR", "*"},
      {"NAME", "A"},
      {"MIXED", "aBc dEf"},
      {"QUOTED", "say \"hi\""},
      {"LOOP", "LOOP+1"},
      {"CI_JOB_NAME", "test 1/2"},
      {"SLASHES", "a//b"},
      {"ZERO", "08"},
  };
  return all;
}

Expanded expand(std::string_view text) {
  return expand_words(text, [](std::string_view name) -> std::optional<std::string> {
    const auto found = variables().find(name);
    if (found == variables().end()) return std::nullopt;
    return found->second;
  });
}

struct Case {
  std::string_view text;
  std::string_view expected;
  bool as_bash = true;  // a here-document of bash gives the same
};

const std::vector<Case> good{
    {"", ""},
    {"plain/path", "plain/path"},
    {"$A", "alpha"},
    {"${A}x", "alphax"},
    {"$A-$B/$N", "alpha-a.b.c/7"},
    {"$NONE|${NONE}|", "||"},
    {"$EMPTY|", "|"},
    // Not a variable.
    {"$", "$"},
    {"a $ b", "a $ b"},
    {"100%$", "100%$"},
    {"$/x", "$/x"},
    {"$\"", "$\""},
    {"$'a'", "$'a'"},
    // Quotes, tilde and globs are left alone.
    {"~/x", "~/x"},
    {"'$A'", "'alpha'"},
    {"\"$A\"", "\"alpha\""},
    {"*.{a,b}[c]?", "*.{a,b}[c]?"},
    {"a b  c", "a b  c"},
    // Backslashes.
    {"\\$A", "$A"},
    {"\\\\$A", "\\alpha"},
    {"\\`x\\`", "`x`"},
    {"\\a\\*\\\"\\}", "\\a\\*\\\"\\}"},
    {"x\\", "x\\"},
    {"\\\\\\$A", "\\$A"},
    // Presence.
    {"${NONE:-d}", "d"},
    {"${NONE-d}", "d"},
    {"${A:-d}", "alpha"},
    {"${EMPTY:-d}", "d"},
    {"${EMPTY-d}", "d", false},
    {"${NONE:-}", ""},
    {"${NONE:-$A}", "alpha"},
    {"${NONE:-${NONE2:-x y}}", "x y"},
    {"${NONE:-\"a}b\"}", "a}b"},
    {"${NONE:-a\\}b}", "a}b"},
    {"${NONE:-'$A'}", "'alpha'"},
    {"${NONE:-\\\\\\a}", "\\\\a"},
    {"${A:+yes}", "yes"},
    {"${EMPTY:+yes}", ""},
    {"${EMPTY+yes}", "", false},
    {"${NONE+yes}", ""},
    {"${A+$B}", "a.b.c"},
    {"${A:?no}", "alpha"},
    {"${A?no}", "alpha"},
    {"${V:=new}-$V-${V:-old}", "new-new-new"},
    {"${EMPTY:=new}$EMPTY", "newnew"},
    {"${A:=new}$A", "alphaalpha"},
    {"${A:-${V:=x}}$V", "alpha"},
    {"${NONE:+${NONE:?no}}", ""},
    {"${A:-$((1/0))}", "alpha"},
    // Lengths.
    {"${#A}", "5"},
    {"${#NONE}", "0"},
    {"${#UTF}", "4"},
    // Prefixes and suffixes.
    {"${B#*.}", "b.c"},
    {"${B##*.}", "c"},
    {"${B%.*}", "a.b"},
    {"${B%%.*}", "a"},
    {"${PATHS##*/}", "main.cpp"},
    {"${PATHS%/*}", "src/lib"},
    {"${A#x}", "alpha"},
    {"${A#al}", "pha"},
    {"${A%?}", "alph"},
    {"${A#[a-k]}", "lpha"},
    {"${A#[!a]}", "alpha"},
    {"${A#[^b]}", "lpha"},
    {"${A#[[:alpha:]]}", "lpha"},
    {"${A%[[:digit:]a]}", "alph"},
    {"${A#$STAR}", "alpha"},
    {"${A##$STAR}", ""},
    {"${A##\"$STAR\"}", "alpha"},
    {"${A##'*'}", "alpha"},
    {"${A##\\*}", "alpha"},
    {"${A#}", "alpha"},
    {"${NONE#x}", ""},
    {"${UTF#gr?}", "n"},
    {"${UTF%[ü]n}", "gr"},
    {"${B#[}", "a.b.c"},
    {"${B#[]a]}", ".b.c"},
    {"${CI_JOB_NAME##*/}", "2"},
    {"${B##a*.}", "c"},
    // Replacement.
    {"${A/a/X}", "Xlpha"},
    {"${A//a/X}", "XlphX"},
    {"${A/#a/X}", "Xlpha"},
    {"${A/%a/X}", "alphX"},
    {"${A/%l/X}", "alpha"},
    {"${A//a}", "lph"},
    {"${A/l*/X}", "aX"},
    {"${B//./-}", "a-b-c"},
    {"${CI_JOB_NAME//[ \\/]/_}", "test_1_2"},
    {"${SLASHES//\\//_}", "a__b"},
    {"${A//x/y}", "alpha"},
    {"${A//$EMPTY/y}", "alpha"},
    {"${A//[a-z]/$N}", "77777"},
    {"${A//*/x}", "x"},
    {"${PATHS//\"/\"/:}", "src:lib:main.cpp"},
    {"${UTF/ü/ue}", "gruen"},
    // Parts.
    {"${A:1}", "lpha"},
    {"${A:1:2}", "lp"},
    {"${A:0:0}", ""},
    {"${A: -2}", "ha"},
    {"${A:(-3):2}", "ph"},
    {"${A:1:-1}", "lph"},
    {"${A:9}", ""},
    {"${A:N-5:1+1}", "ph"},
    {"${UTF:2:1}", "ü"},
    {"${NONE:1:2}", ""},
    {"${A: -9}", ""},
    {"${A:$((1+1))}", "pha", false},
    // Case.
    {"${A^^}", "ALPHA"},
    {"${A^}", "Alpha"},
    {"${MIXED,,}", "abc def"},
    {"${MIXED,}", "aBc dEf"},
    {"${MIXED^^[a-c]}", "ABC dEf"},
    {"${A^[b]}", "alpha"},
    {"${A@U}", "ALPHA"},
    {"${MIXED@L}", "abc def"},
    {"${A@u}", "Alpha"},
    {"${UTF^^}", "GRüN", false},
    // Indirect.
    {"${!NAME}", "alpha"},
    {"${!NAME%a}", "alph"},
    // Arithmetic.
    {"$((1+2))", "3"},
    {"$(( N * 2 ))", "14"},
    {"$(($N+1))", "8"},
    {"$((SUM))", "8"},
    {"$((NONE))", "0"},
    {"$(( (1+2)*3 ))", "9"},
    {"$((2**10))", "1024"},
    {"$((2**3**2))", "512"},
    {"$((7%3))", "1"},
    {"$((-7/2))", "-3"},
    {"$((0x1F))", "31"},
    {"$((010))", "8"},
    {"$((2#101))", "5"},
    {"$((1<2&&2<1||3))", "1"},
    {"$((!5))", "0"},
    {"$((~0))", "-1"},
    {"$((- -3))", "3"},
    {"$((--3))", "3"},
    {"$((1?2:3))", "2"},
    {"$((0?1/0:4))", "4"},
    {"$((1||1/0))", "1"},
    {"$((1,2))", "2"},
    {"$((5&3|8^1))", "9"},
    {"$((1<<4>>1))", "8"},
    {"$((x=5))$x", "55"},
    {"$((N+=3))$N", "1010"},
    {"$((N++))$((++N))$N", "799"},
    {"$((N--))$N", "76"},
    {"$((9223372036854775807+1))", "-9223372036854775808"},
    {"$(())", "0"},
    {"$((1!=2))", "1"},
    {"$((5>=5))$((5<=4))$((1==1))", "101"},
    {"$((x<<=1, x|=6, x^=1, x))", "7"},
    {"$((${NONE:-4}*2))", "8"},
    {"$((0&&(y=1)))$y", "0"},
    // Special parameters.
    {"$1abc", "abc"},
    {"$@$*$!", ""},
    {"${1:-d}", "d"},
    {"${12}", ""},
    {"$-|$?|$#|$$|$0", "||||", false},
    {"${#}", "", false},
    {"${QUOTED}", "say \"hi\""},
};

TEST(Expansion, ExpandsAsAShellDoes) {
  for (const auto& [text, expected, as_bash] : good) {
    const auto result = expand(text);
    EXPECT_EQ(result.text, expected) << text;
    EXPECT_EQ(result.problem, "") << text;
  }
}

// Runs `script` with the variables of this test and returns what it prints.
std::string bash(const std::string& script) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("slipway-expansion-" + std::to_string(::getpid()) + ".sh");
  std::ofstream{path} << script;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{
      popen(("LC_ALL=C.UTF-8 bash " + path.string() + " 2>&1").c_str(), "r"), pclose};
  std::string output;
  std::array<char, 4096> buffer{};
  while (const auto got = fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), got);
  std::filesystem::remove(path);
  return output;
}

TEST(Expansion, AgreesWithBash) {
  std::string script;
  for (const auto& [name, value] : variables()) script += name + "='" + value + "'\n";
  std::string expected;
  for (const auto& [text, result, as_bash] : good) {
    if (!as_bash || text.ends_with('\\')) continue;
    // Each in a process of its own: what it assigns is gone afterwards.
    script += "(cat <<SLIPWAY_END\n" + std::string{text} + "\nSLIPWAY_END\n)\n";
    expected += std::string{result} + "\n";
  }
  EXPECT_EQ(bash(script), expected);
}

TEST(Expansion, KeepsWhatItCannotExpand) {
  const std::vector<std::pair<std::string_view, std::string_view>> bad{
      {"$(id)", "unexpected command substitution"},
      {"a/$(cat /etc/passwd)/$A", "unexpected command substitution"},
      {"`id`", "unexpected command substitution"},
      {"${A:-$(id)}", "unexpected command substitution"},
      {"${A:-`id`}", "unexpected command substitution"},
      {"$((1)", "unexpected command substitution"},
      {"$((echo) )", "unexpected command substitution"},
      {"${A", "bad substitution"},
      {"${", "bad substitution"},
      {"${}", "bad substitution"},
      {"${A:-x", "bad substitution"},
      {"${A/x", "bad substitution"},
      {"${A:", "bad substitution"},
      {"${A b}", "bad substitution"},
      {"${A&}", "bad substitution"},
      {"${A[0]}", "bad substitution"},
      {"${A@Q}", "bad substitution"},
      {"${A@}", "bad substitution"},
      {"${#A", "bad substitution"},
      {"${#A%x}", "bad substitution"},
      {"${-:=x}", "bad substitution"},
      {"${1:=x}", "bad substitution"},
      {"${NONE:-\"x}", "bad substitution"},
      {"${A#'x}", "bad substitution"},
      {"${NONE:?no way}", "NONE: no way"},
      {"${NONE?}", "NONE: parameter null or not set"},
      {"${!B}", "invalid indirect expansion"},
      {"${!NONE}", "invalid indirect expansion"},
      {"${A:2:-9}", "substring expression < 0"},
      {"$((1/0))", "division by 0"},
      {"$((5%0))", "division by 0"},
      {"$((1+))", "syntax error in arithmetic"},
      {"$((1 2))", "syntax error in arithmetic"},
      {"$((A))$((A.))", "syntax error in arithmetic"},
      {"$((1=2))", "syntax error in arithmetic"},
      {"$((1?2))", "syntax error in arithmetic"},
      {"$((ZERO))", "invalid number in arithmetic"},
      {"$((9#9))", "invalid number in arithmetic"},
      {"$((99#1))", "invalid number in arithmetic"},
      {"$((2**-1))", "exponent less than 0"},
      {"$((LOOP))", "arithmetic is nested too deeply"},
  };
  for (const auto& [text, problem] : bad) {
    const auto result = expand(text);
    EXPECT_EQ(result.text, text);
    EXPECT_EQ(result.problem, problem) << text;
  }
}

TEST(Expansion, BoundsDepthSizeAndTime) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string large(200'000, 'a');
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    return name == "BIG" ? large : "x";
  };
  const auto problem = [&](const std::string& text) { return expand_words(text, lookup).problem; };
  const auto repeat = [](std::string_view part, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += part;
    return all;
  };
  EXPECT_EQ(problem(repeat("${N:+", 10000)), "expansions are nested too deeply");
  EXPECT_EQ(problem(repeat("$((", 10000)), "expansions are nested too deeply");
  EXPECT_EQ(problem("$((" + repeat("(", 100000) + repeat(")", 100000) + "))"),
            "arithmetic is nested too deeply");
  EXPECT_EQ(problem("$((" + repeat("!", 100000) + "1))"), "arithmetic is nested too deeply");
  EXPECT_EQ(problem("$((" + repeat("1?", 100000) + "1))"), "arithmetic is nested too deeply");
  EXPECT_EQ(problem(repeat("$BIG", 3)), "the expanded text is too long");
  EXPECT_EQ(problem("${BIG//a/$BIG}"), "the expanded text is too long");
  EXPECT_EQ(problem("${BIG/#a/${BIG}${BIG}}"), "the expanded text is too long");
  EXPECT_EQ(problem("${BIG//" + repeat("*a", 30) + "b/x}"), "expansion takes too long");
  EXPECT_EQ(problem("${BIG%%b" + repeat("*a", 200) + "}"), "expansion takes too long");
  EXPECT_EQ(problem(repeat("${BIG:+}", 10000)), "expansion takes too long");
  EXPECT_EQ(problem(repeat("$((1+1))", 1000)), "");
  EXPECT_EQ(problem("${A:?" + repeat("x", 5000) + "}"), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{30});
}

TEST(Expansion, KeepsBytesThatAreNoText) {
  const auto lookup = [](std::string_view) -> std::optional<std::string> {
    return std::string{"a\xFF\nb\0c", 6};
  };
  EXPECT_EQ(expand_words("\xC3$V\n\x80", lookup).text, (std::string{"\xC3"
                                                                    "a\xFF\nb\0c\n\x80",
                                                                    9}));
  EXPECT_EQ(expand_words("${V#a?}", lookup).text, (std::string{"\nb\0c", 4}));
  EXPECT_EQ(expand_words("${#V}", lookup).text, "6");
}

}  // namespace
}  // namespace slipway::helper
