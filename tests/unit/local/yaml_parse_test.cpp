#include <gmock/gmock.h>

#include "local/yaml/document.hpp"
#include "local/yaml/emit.hpp"
#include "local/yaml/parse.hpp"

namespace slipway::local::yaml {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A tree as one line, with the kinds to be seen: strings in quotes.
std::string shown(const Node& node) {
  std::string text;
  switch (node.kind()) {
    case Kind::string:
      return "'" + node.text() + "'";
    case Kind::null:
      return "null";
    case Kind::sequence:
    case Kind::reference:
      for (const auto& item : node.items()) text += (text.empty() ? "" : ",") + shown(*item);
      return (node.is_reference() ? "ref[" : "[") + text + "]";
    case Kind::mapping:
      for (const auto& entry : node.entries().entries())
        text += (text.empty() ? "" : ",") + entry.key + ":" + shown(*entry.value);
      return "{" + text + "}";
    default:
      return node.text();
  }
}

Parsed read(std::string_view text) {
  return parse(text, {});
}

struct TreeCase {
  const char* text;
  const char* tree;
};

const TreeCase tree_cases[] = {
    {"", "null"},
    {"# only a comment\n", "null"},
    {"--- \n...\n", "null"},
    {"%YAML 1.2\n---\na: 1", "{a:1}"},
    {"\xef\xbb\xbf"
     "a: 1",
     "{a:1}"},
    {"- a\n- b", "['a','b']"},
    {"a: |\n x\n  y\n", "{a:'x\n y\n'}"},
    {"a: >-\n x\n y\n", "{a:'x y'}"},
    {"{a: 1, b}", "{a:1,b:null}"},
    {"\"a\\x41\": \"\\u00e9\\n\"", "{aA:'é\n'}"},
    {"a: '1'\nb: \"yes\"", "{a:'1',b:'yes'}"},
    {"a: !!str 1", "{a:'1'}"},
    {"a: !!int '3'", "{a:3}"},
    {"a: !!float '3'", "{a:3.0}"},
    {"a: !!bool 'yes'", "{a:true}"},
    {"a: !!null ''", "{a:null}"},
    {"a: ! 12", "{a:12}"},
    {"a: !!binary aGVsbG8=", "{a:'hello'}"},
    {"a: !foo bar", "{a:'bar'}"},
    {"a: !foo [1]", "{a:[1]}"},
    {"a: !reference [x, y]", "{a:ref['x','y']}"},
    {"a: &x 1\nb: &x 2\nc: *x", "{a:1,b:2,c:2}"},
    {"a: &x {b: 1}\nc: *x", "{a:{b:1},c:{b:1}}"},
    {"a: 1\na: 2\nb: 3", "{a:2,b:3}"},
    // Psych merges where `<<` stands, so that it wins over what came before.
    {"a: 1\n<<: {a: 2, b: 3}", "{a:2,b:3}"},
    {"<<: {a: 2, b: 3}\na: 1", "{a:1,b:3}"},
    {"<<: [{a: 1}, {a: 2, b: 1}]\nc: 1", "{a:1,b:1,c:1}"},
    {"'<<': {a: 1}", "{a:1}"},
    {"<<: {a: 1}\n<<: {b: 2}", "{a:1,b:2}"},
    {"1: x\n1.50: d\n010: o", "{1:'x',1.5:'d',8:'o'}"},
};

TEST(YamlParse, TreesAreThoseOfPsych) {
  for (const auto& c : tree_cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(shown(*read(c.text).root), c.tree);
  }
}

TEST(YamlParse, EveryNodeHasItsPlace) {
  const auto root = read("a:\n  - b: é\n    c: x\n  - [1, {d: 2}]\n").root;
  const auto* list = root->find("a");
  EXPECT_EQ(list->mark(), (Mark{0, 2, 3}));
  const auto& first = *list->items().at(0);
  EXPECT_EQ(first.mark(), (Mark{0, 2, 5}));
  EXPECT_EQ(first.entries().find("c")->mark, (Mark{0, 3, 5}));
  EXPECT_EQ(first.find("c")->mark(), (Mark{0, 3, 8}));
  EXPECT_EQ(list->items().at(1)->items().at(1)->find("d")->mark(), (Mark{0, 4, 13}));
}

TEST(YamlParse, KeysKnowWhatTheyAre) {
  const auto root = read("on: 1\n~: 2\n3: x\n'no': y").root;
  const auto& entries = root->entries().entries();
  EXPECT_EQ(entries[0].key, "on");
  EXPECT_EQ(entries[0].key_kind, Kind::boolean);
  EXPECT_EQ(entries[1].key_kind, Kind::null);
  EXPECT_EQ(entries[2].key_kind, Kind::integer);
  EXPECT_EQ(entries[3].key_kind, Kind::string);
}

TEST(YamlParse, DuplicatesAndUnknownTagsWarn) {
  const auto parsed = read("a: 1\nb:\n  c: 1\n  c: 2\nd: !odd x\n<<: {a: 3}\n");
  ASSERT_EQ(parsed.warnings.size(), 2u);
  EXPECT_EQ(parsed.warnings[0].mark, (Mark{0, 4, 3}));
  EXPECT_THAT(parsed.warnings[0].text, HasSubstr("'c' stands twice"));
  EXPECT_THAT(parsed.warnings[1].text, HasSubstr("!odd"));
  EXPECT_TRUE(read("<<: {a: 1}\na: 2").warnings.empty());
}

struct BadCase {
  const char* text;
  std::uint32_t line;
  std::uint32_t column;
  const char* says;
};

const BadCase bad_cases[] = {
    {"a: [1, 2", 2, 1, "did not find expected ',' or ']'"},
    {"a: b: c", 1, 5, "mapping values are not allowed"},
    {"a: 'x", 1, 6, "unexpected end of stream"},
    {"a:\n\tb: 1", 2, 1, "cannot start any token"},
    {"a: *nope", 1, 4, "unknown alias *nope"},
    {"a: &x [1, *x]", 1, 11, "stands inside the value"},
    {"a: &x\n  b:\n    c: *x", 3, 8, "stands inside the value"},
    {"<<: 1", 1, 1, "<< merges mappings, this is a number"},
    {"<<: [1]", 1, 1, "<< merges mappings"},
    {"<<:", 1, 1, "<< merges mappings, this is empty"},
    {"? [a, b]\n: c", 1, 3, "a key must be a string, this is a list"},
    {"? {a: b}\n: c", 1, 3, "a key must be a string, this is a mapping"},
    {"a: 2001-01-31", 1, 4, "read as a date"},
    {"a: !!set {b, c}", 1, 4, "tag !!set"},
    {"a: !!binary /w==", 1, 4, "no UTF-8"},
    {"a: !!timestamp x", 1, 4, "tag !!timestamp"},
    {"a: !ruby/object:Object {}", 1, 4, "tag !ruby/object:Object"},
    {"a: !reference x", 1, 4, "!reference needs a list"},
    {"a: !reference []", 1, 4, "!reference needs a list"},
    {"a: !reference [x, [y]]", 1, 4, "!reference needs a list"},
    {"a: !reference [x, 1]", 1, 4, "!reference needs a list"},
    {"a: !reference {x: y}", 1, 4, "!reference needs a list"},
    {"a: 1\n---\nb: 2", 2, 1, "second document"},
    {"%FOO\n---\na: 1", 1, 5, "unknown directive"},
    {"a: \"\\q\"", 1, 5, "unknown escape character"},
    {"a: @x", 1, 4, "cannot start any token"},
    {"- a\nb: c", 2, 1, "did not find expected '-' indicator"},
    {"a: |\n  x\n y: z", 3, 2, "did not find expected key"},
};

TEST(YamlParse, WhatIsNoYamlIsRefusedWithItsPlace) {
  for (const auto& c : bad_cases) {
    SCOPED_TRACE(c.text);
    try {
      read(c.text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.says));
      EXPECT_EQ(error.mark().line, c.line);
      EXPECT_EQ(error.mark().column, c.column);
    }
  }
}

TEST(YamlParse, InvalidBytesAreRefused) {
  for (const auto* text : {"a: \xff", "\xc3", "a: \x01"}) {
    try {
      read(text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("byte "));
    }
  }
  EXPECT_THROW(read(std::string_view{"a: \0", 4}), Error);
}

std::string error_of(const std::string& text, const ParseOptions& options = {}) {
  try {
    parse(text, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(YamlParse, HostileTextsEndAtTheLimits) {
  EXPECT_THAT(error_of(std::string(50u << 20, 'x')), StartsWith("larger than 2097152 bytes"));
  EXPECT_THAT(error_of(std::string(1u << 20, '[')), HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(error_of(std::string(1u << 20, '{')), HasSubstr("nested deeper than 100 levels"));
  std::string steps;
  for (int level = 0; level < 1000; ++level) steps += std::string(level, ' ') + "a:\n";
  EXPECT_THAT(error_of(steps), HasSubstr("nested deeper than 100 levels"));
  std::string dashes;
  for (int level = 0; level < 100'000; ++level) dashes += "- ";
  EXPECT_THAT(error_of(dashes), HasSubstr("nested deeper than 100 levels"));
}

TEST(YamlParse, AliasBombsAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 30; ++level) {
    const auto last = "*a" + std::to_string(level - 1);
    bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [";
    for (int times = 0; times < 10; ++times) bomb += (times ? ", " : "") + last;
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), HasSubstr("too large once its aliases are written out"));

  std::string text = "a: &a '" + std::string(1u << 20, 'x') + "'\nb: [";
  for (int times = 0; times < 1000; ++times) text += "*a,";
  EXPECT_THAT(error_of(text + "]"), HasSubstr("too large once its aliases are written out"));

  std::string deep = "a0: &a0 x\n";
  for (int level = 1; level < 200; ++level)
    deep += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [*a" +
            std::to_string(level - 1) + "]\n";
  EXPECT_THAT(error_of(deep), HasSubstr("nests deeper than 100 levels"));

  std::string merges = "m0: &m0 {k0: x}\n";
  for (int level = 1; level < 2000; ++level) {
    const auto number = std::to_string(level);
    merges += "m" + number + ": &m" + number + "\n  <<: *m" + std::to_string(level - 1) + "\n  k" +
              number + ": x\n";
  }
  EXPECT_THAT(error_of(merges), HasSubstr("merge keys (<<)"));
}

TEST(YamlParse, LargeMappingsAreQuick) {
  std::string text;
  for (int key = 0; key < 50'000; ++key) text += "key" + std::to_string(key) + ": 1\n";
  const auto root = read(text).root;
  EXPECT_EQ(root->entries().size(), 50'000u);
  EXPECT_EQ(root->find("key49999")->text(), "1");
}

struct SplitCase {
  const char* text;
  std::vector<std::pair<std::string, std::uint32_t>> documents;
};

TEST(YamlDocuments, FilesAreCutAtTheirDividers) {
  const SplitCase cases[] = {
      {"a: 1\n", {{"a: 1\n", 1}}},
      {"", {{"", 1}}},
      {"---\na: 1\n", {{"---\na: 1\n", 1}}},
      {"# c\n\n---\na: 1\n", {{"# c\n\n---\na: 1\n", 1}}},
      {"%YAML 1.1\n---\na: 1\n", {{"%YAML 1.1\n---\na: 1\n", 1}}},
      {"spec:\n---\na: 1\n", {{"spec:\n", 1}, {"---\na: 1\n", 2}}},
      {"---\nspec:\n---\na: 1\n", {{"---\nspec:\n", 1}, {"---\na: 1\n", 3}}},
      {"spec:\n--- # c\na: 1\n---\nb: 1",
       {{"spec:\n", 1}, {"--- # c\na: 1\n", 2}, {"---\nb: 1", 4}}},
      {"a: x\n----\n", {{"a: x\n----\n", 1}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    std::vector<std::pair<std::string, std::uint32_t>> got;
    for (const auto& part : split_documents(c.text))
      got.emplace_back(std::string{part.text}, part.first_line);
    EXPECT_EQ(got, c.documents);
  }
}

TEST(YamlEmit, WhatIsWrittenIsReadBack) {
  const char* texts[] = {
      "a: 1\nb: [x, 'y z', \"1\", 'yes', '', '~']\nc: {}\nd: []\ne: null\nf: yes\ng: 1.50\n",
      "job:\n  script:\n    - |\n      one\n      two\n    - \"a: b # c\"\n    - '- x'\n    - "
      "\"\\x01\"\n",
      "- [[a, [b]], {c: {d: [e]}}]\n- - - x\n",
      "'on': 1\n'1': 2\n'a: b': 3\n'': 4\n'<<': {z: 1}\n",
      "a: !reference [x, y]\nb: .inf\nc: -.inf\nd: '2001-01-31'\ne: 'ends with colon:'\n",
      "a: \"trailing \\n\\n\"\nb: \" leading\"\nc: \"x\\ty\"\nd: é\ne: \"\\n\"\n",
      "a: \"\\N\\L\\P\\_\\uFEFF\\uFFFE\\U0001F600\\x7f\\e\"\n",
      "just text",
      "[]",
      "- {a: 1, b: [1, {c: 2}]}\n",
  };
  for (const auto* text : texts) {
    SCOPED_TRACE(text);
    const auto root = read(text).root;
    const auto written = emit(*root);
    EXPECT_EQ(shown(*read(written).root), shown(*root)) << written;
  }
}

TEST(YamlEmit, BlockStyle) {
  EXPECT_EQ(emit(*read("{j: {script: [a, \"b\\nc\"], needs: []}, k: [{x: 1, y: 2}]}").root),
            "j:\n  script:\n    - a\n    - |-\n      b\n      c\n  needs: []\nk:\n  - x: 1\n    y: "
            "2\n");
}

TEST(YamlSources, APlaceNamesItsFileAndChain) {
  Sources sources;
  const auto root = sources.add(".gitlab-ci.yml");
  const auto ci = sources.add("ci/a.yml", {root, 2, 5});
  const auto leaf = sources.add("ci/b.yml", {ci, 1, 10});
  EXPECT_EQ(sources.describe({leaf, 7, 3}), "ci/b.yml:7:3");
  EXPECT_EQ(sources.describe({root, 0, 0}), ".gitlab-ci.yml");
  EXPECT_EQ(sources.chain({leaf, 7, 3}),
            (std::vector<std::string>{"ci/a.yml:1:10", ".gitlab-ci.yml:2:5"}));
  EXPECT_TRUE(sources.chain({root, 1, 1}).empty());
}

}  // namespace
}  // namespace slipway::local::yaml
