#include "job/variables.hpp"

#include <gmock/gmock.h>

#include "job/failure.hpp"

namespace slipway::job {
namespace {

using testing::ElementsAre;

Variable variable(std::string key, std::string value) {
  Variable result;
  result.key = std::move(key);
  result.value = std::move(value);
  return result;
}

Variable raw(std::string key, std::string value) {
  auto result = variable(std::move(key), std::move(value));
  result.raw = true;
  return result;
}

Variable file(std::string key, std::string value) {
  auto result = variable(std::move(key), std::move(value));
  result.file = true;
  return result;
}

Variable masked(std::string key, std::string value) {
  auto result = variable(std::move(key), std::move(value));
  result.masked = true;
  return result;
}

TEST(Variables, Jobs7_3ExpansionTable) {
  const Variables variables{
      {variable("FOO", "val"), variable("F_1", "under"), variable("1abc", "never"),
       variable("-", "dash"), variable("a b", "spaced"),
       variable("RUNNER_TEMP_PROJECT_DIR", "/b/p.tmp"), file("CERT", "content")}};
  const struct {
    const char *input, *want;
  } cases[] = {
      {"$FOO", "val"},
      {"${FOO}", "val"},
      {"a${FOO}b$FOO-c", "avalbval-c"},
      {"$F_1", "under"},
      {"$NONE.", "."},
      {"${NONE}.", "."},
      {"$$", "$"},
      {"$$FOO", "$FOO"},
      {"${$}", "$"},
      {"$", "$"},
      {"a $", "a $"},
      {"$ x", "$ x"},
      {"$(cmd)", "$(cmd)"},
      {"$\"", "$\""},
      {"$\xc3\xa9", "$\xc3\xa9"},
      {"${FOO", "FOO"},
      {"${", ""},
      {"${}x", "x"},
      {"${FOO:-x}", ""},
      {"${a b}", "spaced"},
      {"$1abc", "abc"},
      {"${1}abc", "abc"},
      {"$*$#$@$!$?$0$9.", "."},
      {"${*}${#}${@}${!}${?}${0}${9}.", "."},
      {"$-", "dash"},
      {"${-}", "dash"},
      {"\\$FOO", "\\val"},
      {"%FOO%", "%FOO%"},
      {"$CERT", "/b/p.tmp/CERT"},
      {"${CERT}", "/b/p.tmp/CERT"},
      {"", ""},
      {"$FOO$FOO", "valval"},
      {"${FOO$FOO}", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(variables.expand(c.input), c.want) << c.input;
}

TEST(Variables, Jobs19_17ExpansionIsNotRecursive) {
  const Variables variables{{variable("A", "$B"), variable("B", "$C"), variable("C", "1")}};
  const auto expanded = variables.expanded();
  EXPECT_EQ(expanded.get("A"), "$C");
  EXPECT_EQ(expanded.get("B"), "1");
}

TEST(Variables, Edge22Jobs19_18DuplicatesLastWins) {
  const Variables variables{
      {masked("A", "first $X"), variable("X", "1"), masked("A", "second"), variable("B", "$A")}};
  EXPECT_EQ(variables.get("A"), "second");
  const auto expanded = variables.expanded();
  EXPECT_EQ(expanded.get("B"), "second");
  EXPECT_EQ(expanded.list().size(), 4u);
  EXPECT_THAT(expanded.masked_values(), ElementsAre("first 1", "second"));
}

TEST(Variables, Edge22Jobs19_20RawAndFile) {
  const Variables variables{{raw("R", "$A ${F}"), variable("A", "1"), file("F", "the $A content"),
                             variable("P", "$F $R"),
                             variable("RUNNER_TEMP_PROJECT_DIR", "/tmp/x")}};
  const auto expanded = variables.expanded();
  EXPECT_EQ(expanded.get("R"), "$A ${F}");
  EXPECT_EQ(expanded.get("P"), "/tmp/x/F $A ${F}");
  EXPECT_EQ(expanded.get("F"), "the 1 content");
}

TEST(Variables, TheDocumentedCertPath) {
  const Variables variables{{variable("DOCKER_TLS_CERTDIR", "/certs"),
                             variable("DOCKER_CERT_PATH", "$DOCKER_TLS_CERTDIR/client")}};
  EXPECT_EQ(variables.expanded().get("DOCKER_CERT_PATH"), "/certs/client");
}

TEST(Variables, ExpansionCannotFillTheMemory) {
  Variables variables;
  variables.add(variable("A", std::string(1 << 20, 'x')));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "$A";
  variables.add(variable("B", many));
  try {
    variables.expanded();
    FAIL() << "no bound";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.reason(), FailureReason::runner_configuration_error);
    EXPECT_STREQ(failure.what(), "the job's variables expand to more than 64 MiB");
  }
  EXPECT_THROW(variables.expand(many), Failure);
}

TEST(Variables, Lookup) {
  Variables variables;
  variables.add_internal("CI_SERVER", "yes");
  EXPECT_TRUE(variables.list()[0].internal);
  EXPECT_TRUE(variables.list()[0].is_public);
  EXPECT_EQ(variables.find("CI_SERVER"), "yes");
  EXPECT_EQ(variables.find("NONE"), std::nullopt);
  EXPECT_EQ(variables.get("NONE"), "");
  variables.append(variables);
  EXPECT_EQ(variables.list().size(), 2u);
}

TEST(Variables, OverwriteFirst) {
  Variables variables{{variable("CI_JOB_STATUS", "running"), variable("A", "1"),
                       variable("CI_JOB_STATUS", "user")}};
  variables.overwrite_first("CI_JOB_STATUS", "failed");
  EXPECT_EQ(variables.list()[0].value, "failed");
  EXPECT_EQ(variables.list()[2].value, "user");
  variables.overwrite_first("NEW", "x");
  EXPECT_EQ(variables.get("NEW"), "x");
}

TEST(Variables, Booleans) {
  Variables variables;
  for (const auto* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    variables.add(variable("B", word));
    EXPECT_TRUE(variables.get_bool("B", false)) << word;
  }
  for (const auto* word : {"0", "f", "F", "FALSE", "false", "False"}) {
    variables.add(variable("B", word));
    EXPECT_FALSE(variables.get_bool("B", true)) << word;
  }
  for (const auto* word : {"", "yes", "tRUE", " true"}) {
    variables.add(variable("B", word));
    EXPECT_TRUE(variables.get_bool("B", true)) << word;
    EXPECT_FALSE(variables.get_bool("B", false)) << word;
  }
  EXPECT_TRUE(variables.get_bool("NONE", true));
}

TEST(Variables, MaskedValuesAreTrimmedUniqueAndLongestFirst) {
  const Variables variables{{masked("A", "  ab\n"), masked("B", "ab"), masked("C", " \t\r\n"),
                             variable("D", "open"), masked("E", "longer one"), masked("F", "")}};
  EXPECT_THAT(variables.masked_values(), ElementsAre("longer one", "ab"));
}

}  // namespace
}  // namespace slipway::job
