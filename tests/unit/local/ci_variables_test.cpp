#include <gmock/gmock.h>

#include <set>

#include "local/ci/facts.hpp"
#include "local/ci/variables.hpp"

namespace slipway::local::ci {
namespace {

job::Variables list(std::initializer_list<std::pair<const char*, const char*>> values) {
  job::Variables result;
  for (const auto& [key, value] : values) {
    job::Variable variable;
    variable.key = key;
    variable.value = value;
    // A name with a mark: `!RAW`, `@FILE`.
    if (variable.key[0] == '!' || variable.key[0] == '@') {
      (variable.key[0] == '!' ? variable.raw : variable.file) = true;
      variable.key.erase(0, 1);
    }
    result.add(std::move(variable));
  }
  return result;
}

TEST(CiVariables, ReferencesAreReplacedOnce) {
  const auto variables = list({{"A", "a"}, {"B", "$A"}, {"E", ""}, {"A_1", "x"}});
  const ListLookup lookup{variables};
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"", "", ""},
      {"$A", "a", "a"},
      {"${A}", "a", "a"},
      {"%A%", "a", "a"},
      {"$B", "$A", "$A"},
      {"$A$A-$A_1", "aa-x", "aa-x"},
      {"[$E]", "[]", "[]"},
      {"$NONE", "", "$NONE"},
      {"${NONE}x", "x", "${NONE}x"},
      {"%NONE%", "", "%NONE%"},
      {"$$A", "$$A", "$$A"},
      {"%%A%%", "%%A%%", "%%A%%"},
      {"$", "$", "$"},
      {"100%", "100%", "100%"},
      {"50% of $A%", "50% of a%", "50% of a%"},
      {"${A", "${A", "${A"},
      {"${A:-x}", "${A:-x}", "${A:-x}"},
      {"$1", "$1", "$1"},
      {"$(A)", "$(A)", "$(A)"},
  };
  for (const auto& [text, removed, kept] : cases) {
    EXPECT_EQ(expand_references(text, lookup, Undefined::remove), removed) << text;
    EXPECT_EQ(expand_references(text, lookup, Undefined::keep), kept) << text;
  }
}

TEST(CiVariables, AllAreExpandedHoweverDeep) {
  const auto all = expand_all(list({{"C", "$B-c"},
                                    {"B", "$A-b"},
                                    {"A", "a"},
                                    {"!RAW", "$A"},
                                    {"R", "$RAW"},
                                    {"@FILE", "$A"},
                                    {"F", "$FILE"},
                                    {"U", "$UNKNOWN"},
                                    {"D", "$$A"},
                                    {"P", "p"},
                                    {"P", "$P:q"},
                                    {"P", "$P:r"},
                                    {"S", "$S"}}));
  const std::pair<const char*, const char*> want[] = {
      {"C", "a-b-c"}, {"B", "a-b"},      {"RAW", "$A"}, {"R", "$RAW"},  {"FILE", "a"},
      {"F", "$FILE"}, {"U", "$UNKNOWN"}, {"D", "$$A"},  {"P", "p:q:r"}, {"S", "$S"}};
  for (const auto& [key, value] : want) EXPECT_EQ(all.get(key), value) << key;
  EXPECT_EQ(all.list().size(), 13u);
}

TEST(CiVariables, CirclesStayAsTheyAre) {
  const auto all =
      expand_all(list({{"A", "$B"}, {"B", "$C"}, {"C", "$A"}, {"D", "$E"}, {"E", "e"}}));
  EXPECT_EQ(all.get("A"), "$B");
  EXPECT_EQ(all.get("D"), "$E");
}

TEST(CiVariables, BombsAreRefused) {
  job::Variables bomb;
  for (int at = 0; at < 40; ++at) {
    job::Variable variable;
    variable.key = "V" + std::to_string(at);
    for (int times = 0; times < 10; ++times)
      variable.value += at == 0 ? "x" : "$V" + std::to_string(at - 1);
    bomb.add(std::move(variable));
  }
  EXPECT_THROW(expand_all(bomb), std::length_error);
  job::Variables chain;
  for (int at = 0; at < 5000; ++at) {
    job::Variable variable;
    variable.key = "V" + std::to_string(at);
    variable.value = "$V" + std::to_string(at + 1);
    chain.add(std::move(variable));
  }
  EXPECT_EQ(expand_all(chain).get("V0"), "$V1");
}

RepositoryFacts facts() {
  RepositoryFacts facts;
  facts.project_path = "acme/group/kite";
  facts.sha = "0123456789abcdef0123456789abcdef01234567";
  facts.ref = "Feature/Über-x_";
  facts.commit_message = "Title\n\nMore\nlines\n";
  facts.commit_author = "A B <a@b>";
  facts.user_login = "ab";
  return facts;
}

TEST(CiPredefined, VariablesOfTheRepository) {
  const auto list = pipeline_variables(facts());
  const std::pair<const char*, const char*> want[] = {
      {"CI", "true"},
      {"GITLAB_CI", "true"},
      {"CI_PROJECT_PATH", "acme/group/kite"},
      {"CI_PROJECT_NAME", "kite"},
      {"CI_PROJECT_TITLE", "kite"},
      {"CI_PROJECT_NAMESPACE", "acme/group"},
      {"CI_PROJECT_ROOT_NAMESPACE", "acme"},
      {"CI_PROJECT_PATH_SLUG", "acme-group-kite"},
      {"CI_PROJECT_URL", "@SERVER_URL@/acme/group/kite"},
      {"CI_COMMIT_SHORT_SHA", "01234567"},
      {"CI_COMMIT_BRANCH", "Feature/Über-x_"},
      {"CI_COMMIT_REF_NAME", "Feature/Über-x_"},
      {"CI_COMMIT_REF_SLUG", "feature---ber-x"},
      {"CI_COMMIT_TITLE", "Title"},
      {"CI_COMMIT_DESCRIPTION", "More\nlines\n"},
      {"CI_COMMIT_MESSAGE", "Title\n\nMore\nlines\n"},
      {"CI_COMMIT_AUTHOR", "A B <a@b>"},
      {"CI_COMMIT_REF_PROTECTED", "true"},
      {"CI_DEFAULT_BRANCH", "main"},
      {"CI_PIPELINE_SOURCE", "push"},
      {"CI_PIPELINE_ID", "1"},
      {"CI_CONFIG_PATH", ".gitlab-ci.yml"},
      {"CI_API_V4_URL", "@SERVER_URL@/api/v4"},
      {"GITLAB_USER_LOGIN", "ab"},
  };
  for (const auto& [key, value] : want) EXPECT_EQ(list.find(key), value) << key;
  EXPECT_FALSE(list.find("CI_COMMIT_TAG"));
  EXPECT_FALSE(list.find("CI_REGISTRY"));
  std::set<std::string> keys;
  for (const auto& variable : list.list()) EXPECT_TRUE(keys.insert(variable.key).second);
}

TEST(CiPredefined, TagsHaveNoBranch) {
  auto tagged = facts();
  tagged.is_tag = true;
  tagged.ref = "v1.0";
  tagged.registry = "registry.example.org";
  const auto list = pipeline_variables(tagged);
  EXPECT_EQ(list.get("CI_COMMIT_TAG"), "v1.0");
  EXPECT_FALSE(list.find("CI_COMMIT_BRANCH"));
  EXPECT_EQ(list.get("CI_REGISTRY_IMAGE"), "registry.example.org/acme/group/kite");
}

TEST(CiPredefined, Slugs) {
  EXPECT_EQ(slug("-A/b_c-"), "a-b-c");
  EXPECT_EQ(slug("///"), "");
  EXPECT_EQ(slug(std::string(100, 'x')).size(), 63u);
  EXPECT_EQ(environment_slug("production"), "production");
  EXPECT_EQ(environment_slug("review/main").substr(0, 12), "review-main-");
  EXPECT_EQ(environment_slug("review/main").size(), 18u);
  EXPECT_EQ(environment_slug("1").substr(0, 6), "env-1-");
  EXPECT_LE(environment_slug("a-very-long-name-of-an-environment").size(), 24u);
  EXPECT_NE(environment_slug("review/a"), environment_slug("review-a"));
}

}  // namespace
}  // namespace slipway::local::ci
