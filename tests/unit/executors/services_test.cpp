#include <gmock/gmock.h>

#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

json services(const json& list) {
  return {{"services", list}};
}

json variable(const char* key, const char* value, bool is_public = true) {
  return {{"key", key}, {"value", value}, {"public", is_public}};
}

std::string skipped(const char* alias, const char* service, int index) {
  return std::string{"Skipping alias \""} + alias + "\" for service \"" + service +
         "\" (services[" + std::to_string(index) +
         "]): alias is already in use by another service.";
}

TEST(Services, OfTheConfigurationComeFirst) {
  const auto plan =
      plan_of(services({{{"name", "redis:7"}}}),
              "[[runners.docker.services]]\nname = \"mysql:8\"\nalias = \"db\"\n"
              "command = [\"--x\"]\nentrypoint = [\"e\"]\nenvironment = [\"A=1\", \"bad\"]");
  ASSERT_EQ(plan.services.size(), 2u);
  const auto& mysql = plan.services[0];
  EXPECT_EQ(mysql.image.name, "mysql:8");
  EXPECT_THAT(mysql.aliases, ElementsAre("mysql", "db"));
  EXPECT_THAT(mysql.container.command, ElementsAre("--x"));
  EXPECT_EQ(mysql.container.entrypoint, Words{"e"});
  EXPECT_EQ(env_value(mysql.container.env, "A"), "1");
  EXPECT_EQ(mysql.container.name, plan.prefix + "-mysql-0");
  EXPECT_EQ(plan.services[1].container.name, plan.prefix + "-redis-1");
  EXPECT_EQ(plan.services[1].shown_name, "redis:7");
}

TEST(Services, LimitCountsBoth) {
  const std::string config = "[[runners.docker.services]]\nname = \"mysql:8\"";
  const json two{{{"name", "redis"}}, {{"name", "nginx"}}};
  const auto refused = refusal(services(two), "services_limit = 2\n" + config);
  EXPECT_EQ(refused.text, "too many services requested: 3, only 2 allowed");
  EXPECT_EQ(refused.reason, job::FailureReason::runner_system_failure);
  EXPECT_EQ(refusal(services(two), "services_limit = 0").text,
            "too many services requested: 2, only 0 allowed");
  EXPECT_EQ(plan_of(services(two), "services_limit = 3\n" + config).services.size(), 3u);
  EXPECT_EQ(plan_of(services(two), "services_limit = -1\n" + config).services.size(), 3u);
}

TEST(Services, E21_E22_TwoOfOneImageNeedDifferentAliases) {
  const auto both = plan_of(services(
      {{{"name", "postgres:14"}, {"alias", "one"}}, {{"name", "postgres:15"}, {"alias", "two"}}}));
  ASSERT_EQ(both.services.size(), 2u);
  EXPECT_THAT(both.services[0].hosts, ElementsAre("postgres", "one"));
  EXPECT_THAT(both.services[1].hosts, ElementsAre("two"));
  EXPECT_THAT(both.services[1].aliases, ElementsAre("postgres", "two"));
  EXPECT_THAT(both.warnings, ElementsAre(skipped("postgres", "postgres:15", 1)));

  const auto same =
      plan_of(services({{{"name", "tutum/wordpress"}}, {{"name", "tutum/wordpress"}}}));
  EXPECT_EQ(same.services.size(), 1u);
  EXPECT_THAT(same.warnings, ElementsAre(skipped("tutum__wordpress", "tutum/wordpress", 1),
                                         skipped("tutum-wordpress", "tutum/wordpress", 1)));
}

TEST(Services, E22_RepeatedAliasesOfOneServiceAreHarmless) {
  const auto plan =
      plan_of(services({{{"name", "alpine"}, {"alias", "alpine alpine svc-1 svc-1"}}}));
  ASSERT_EQ(plan.services.size(), 1u);
  EXPECT_THAT(plan.services[0].hosts, ElementsAre("alpine", "svc-1"));
  EXPECT_EQ(plan.warnings.size(), 3u);
  const auto commas = plan_of(services({{{"name", "redis"}, {"alias", "a,b  c"}}}));
  EXPECT_THAT(commas.services[0].hosts, ElementsAre("redis", "a", "b", "c"));
}

TEST(Services, E23_NamesThatAreNone) {
  for (const auto* name : {"", "Not An Image", "$UNSET"}) {
    SCOPED_TRACE(name);
    const auto refused = refusal(services({{{"name", name}, {"alias", "db"}}}));
    EXPECT_EQ(refused.text,
              std::string{"invalid service image name: "} + (name[0] == '$' ? "" : name));
    EXPECT_EQ(refused.reason, job::FailureReason::runner_configuration_error);
    const auto plan = plan_of(services({{{"name", name}}, {{"name", "redis"}}}));
    ASSERT_EQ(plan.services.size(), 1u);
    EXPECT_EQ(plan.services[0].index, 1u);
    EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("(services[0])")));
  }
}

TEST(Services, E54_NameAndAliasAreExpanded) {
  json changes = services({{{"name", "$IMAGE:$TAG"}, {"alias", "$ALIAS"}}});
  changes["+variables"] = {variable("IMAGE", "postgres"), variable("TAG", "14"),
                           variable("ALIAS", "db-$TAG")};
  const auto plan = plan_of(changes);
  EXPECT_EQ(plan.services[0].image.name, "postgres:14");
  EXPECT_THAT(plan.services[0].hosts, ElementsAre("postgres", "db-14"));
}

TEST(Services, E28_SeePublicAndInternalVariablesAndTheirOwn) {
  json changes = services({{{"name", "redis"},
                            {"variables",
                             {variable("FROM_JOB", "got $SECRET"),
                              variable("EMPTY", ""),
                              variable("SHARED", "service"),
                              variable("OWN", "$SHARED"),
                              {{"key", "RAW"}, {"value", "$SECRET"}, {"raw", true}}}}}});
  changes["+variables"] = {variable("SECRET", "s3cret", false), variable("EMPTY", "full"),
                           variable("SHARED", "job"), variable("PUBLIC", "a $SHARED")};
  const auto plan = plan_of(changes, "", "environment = [\"PROXY=http://proxy\"]");
  const auto& env = plan.services[0].container.env;
  EXPECT_EQ(env_value(env, "SECRET"), "(unset)");
  EXPECT_EQ(env_value(env, "FROM_JOB"), "got s3cret");
  EXPECT_EQ(env_value(env, "EMPTY"), "");
  EXPECT_EQ(env_value(env, "SHARED"), "service");
  EXPECT_EQ(env_value(env, "OWN"), "service");
  EXPECT_EQ(env_value(env, "RAW"), "$SECRET");
  EXPECT_EQ(env_value(env, "PUBLIC"), "a job");
  EXPECT_EQ(env_value(env, "PROXY"), "http://proxy");
  EXPECT_EQ(env_value(env, "CI_PROJECT_DIR"), "/builds/group/app");
  EXPECT_EQ(env_value(plan.build.env, "SECRET"), "s3cret");
  EXPECT_EQ(env_value(plan.build.env, "OWN"), "(unset)");
}

TEST(Services, CommandAndEntrypoint) {
  const auto plan = plan_of(services({
      {{"name", "a"}, {"command", {"--x", "$CI_SERVER"}}, {"entrypoint", {"/e", "-v"}}},
      {{"name", "b"}, {"command", json::array()}, {"entrypoint", json::array()}},
      {{"name", "c"}, {"entrypoint", {""}}},
  }));
  EXPECT_THAT(plan.services[0].container.command, ElementsAre("--x", "$CI_SERVER"));
  EXPECT_EQ(plan.services[0].container.entrypoint, (Words{"/e", "-v"}));
  EXPECT_THAT(plan.services[1].container.command, IsEmpty());
  EXPECT_FALSE(plan.services[1].container.entrypoint);
  EXPECT_EQ(plan.services[2].container.entrypoint, Words{""});
}

TEST(Services, E6_EntrypointsMayBeFixed) {
  const auto plan = plan_of({{"services", {{{"name", "a"}, {"entrypoint", {"/e"}}}}},
                             {"image", {{"name", "alpine"}, {"entrypoint", {"/i"}}}}},
                            "disable_entrypoint_overwrite = true");
  EXPECT_FALSE(plan.services[0].container.entrypoint);
  EXPECT_FALSE(plan.build.entrypoint);
  EXPECT_THAT(plan.warnings,
              ElementsAre("Entrypoint override disabled", "Entrypoint override disabled"));
}

TEST(Services, AllowList) {
  const std::string allowed = "allowed_services = [\"postgres:*\", \"reg.tld/*/*\"]\n";
  EXPECT_EQ(plan_of(services({{{"name", "postgres:14"}}}), allowed).services.size(), 1u);
  const auto refused = refusal(services({{{"name", "redis:7"}}}), allowed);
  EXPECT_THAT(refused.text,
              ::testing::StartsWith(
                  "disallowed image\n\nThe \"redis:7\" image is not present on list of allowed "
                  "services:\n- postgres:*\n- reg.tld/*/*\n\n"));
  EXPECT_EQ(refused.reason, job::FailureReason::runner_system_failure);
  // As written: no implied tag, no implied registry.
  EXPECT_NE(refusal(services({{{"name", "postgres"}}}), allowed).text, "(none)");
  // Those of the configuration are never checked, and a job may name them too.
  const auto config = allowed + "[[runners.docker.services]]\nname = \"$CACHE\"";
  json changes = services({{{"name", "redis:7"}, {"alias", "second"}}});
  changes["+variables"] = {variable("CACHE", "redis:7")};
  EXPECT_EQ(plan_of(changes, config).services.size(), 2u);
}

struct PrivilegeCase {
  const char* toml;
  bool build;
  bool helper;
  bool service;
};

TEST(Privileges, E38_FollowTheAllowLists) {
  const PrivilegeCase cases[] = {
      {"", false, false, false},
      {"privileged = true", true, true, true},
      {"privileged = true\nservices_privileged = false", true, true, false},
      {"services_privileged = true", false, false, true},
      {"privileged = true\nallowed_privileged_images = [\"docker:*\"]", true, false, true},
      {"privileged = true\nallowed_privileged_images = [\"alpine*\"]", false, false, true},
      {"privileged = true\nallowed_privileged_services = [\"docker:*-dind\"]", true, true, true},
      {"privileged = true\nallowed_privileged_services = [\"docker:*-dind-rootless\"]", true, true,
       false},
      {"services_privileged = true\nallowed_privileged_services = [\"docker:24.0.5-dind\"]", false,
       false, true},
  };
  const json changes{{"image", {{"name", "docker:24.0.5-cli"}}},
                     {"services", {{{"name", "docker:24.0.5-dind"}}}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.toml);
    const auto plan = plan_of(changes, c.toml);
    EXPECT_EQ(plan.build.privileged, c.build);
    EXPECT_EQ(plan.helper.privileged, c.helper);
    EXPECT_EQ(plan.services[0].container.privileged, c.service);
  }
}

struct NetworkCase {
  const char* mode;
  Words build;
  Words service;
};

TEST(Networks, AliasesAreForUserDefinedOnes) {
  const std::string own = "runner-thetoken-project-1234-concurrent-2-0123456789abcdef-build";
  const NetworkCase cases[] = {
      {"", {}, {}},     {"bridge", {}, {}},      {"host", {}, {}},
      {"none", {}, {}}, {"container:x", {}, {}}, {"ci-net", {"build", own}, {"redis", "r"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.mode);
    const auto plan = plan_of(services({{{"name", "redis"}, {"alias", "r"}}}),
                              std::string{"network_mode = \""} + c.mode + "\"");
    EXPECT_EQ(plan.build.network_mode, c.mode);
    EXPECT_EQ(plan.services[0].container.network_mode, c.mode);
    EXPECT_THAT(plan.build.network_aliases, ElementsAreArray(c.build));
    EXPECT_THAT(plan.helper.network_aliases, IsEmpty());
    EXPECT_THAT(plan.services[0].container.network_aliases, ElementsAreArray(c.service));
    EXPECT_EQ(plan.job_network, "");
  }
}

TEST(Networks, E29_OnePerJob) {
  json changes = services({{{"name", "redis"}}});
  changes["+variables"] = {variable("FF_NETWORK_PER_BUILD", "true")};
  const auto plan = plan_of(changes, "network_mtu = 1402\nenable_ipv6 = true");
  EXPECT_EQ(plan.job_network, "runner-thetoken-1234-2-42");
  EXPECT_TRUE(plan.network_ipv6);
  EXPECT_EQ(plan.network_options.at("com.docker.network.driver.mtu"), "1402");
  EXPECT_EQ(plan.build.network_mode, plan.job_network);
  EXPECT_EQ(plan.helper.network_mode, plan.job_network);
  EXPECT_EQ(plan.services[0].container.network_mode, plan.job_network);
  EXPECT_THAT(plan.services[0].container.network_aliases, ElementsAre("redis"));
  EXPECT_EQ(env_value(plan.build.env, "CI_BUILD_NETWORK_NAME"), plan.job_network);
  EXPECT_EQ(env_value(plan.services[0].container.env, "CI_BUILD_NETWORK_NAME"), plan.job_network);

  EXPECT_TRUE(plan_of(changes).network_options.empty());
  EXPECT_EQ(plan_of(changes, "network_mode = \"bridge\"").job_network, "");
  EXPECT_EQ(
      plan_of(changes, "", "[runners.feature_flags]\nFF_NETWORK_PER_BUILD = false").job_network,
      "");
  EXPECT_NE(plan_of({}, "", "[runners.feature_flags]\nFF_NETWORK_PER_BUILD = true").job_network,
            "");
  EXPECT_NE(plan_of({}, "", "environment = [\"FF_NETWORK_PER_BUILD=1\"]").job_network, "");
}

TEST(Services, KnowWhereTheirEngineListens) {
  json changes = services(
      {{{"name", "docker:24.0.5-dind"}},
       {{"name", "acme/my-dind:1"},
        {"variables",
         {variable("DOCKER_TLS_CERTDIR", ""), variable("DOCKER_HOST", "unix:///run/d.sock")}}},
       {{"name", "redis"}}});
  changes["+variables"] = {variable("DOCKER_TLS_CERTDIR", "/certs")};
  const auto plan = plan_of(changes);
  EXPECT_TRUE(plan.services[0].is_dind);
  EXPECT_EQ(plan.services[0].cert_dir, "/certs");
  EXPECT_EQ(plan.services[0].docker_host, "");
  EXPECT_EQ(plan.services[1].cert_dir, "");
  EXPECT_EQ(plan.services[1].docker_host, "unix:///run/d.sock");
  EXPECT_FALSE(plan.services[2].is_dind);
  EXPECT_EQ(plan_of(services({{{"name", "docker:dind"}}})).services[0].cert_dir, std::nullopt);
}

TEST(Services, MayHaveAUserAndAnInit) {
  const auto plan =
      plan_of(services({{{"name", "redis"}, {"executor_opts", {{"docker", {{"user", "redis"}}}}}}}),
              "", "[runners.feature_flags]\nFF_USE_INIT_WITH_DOCKER_EXECUTOR = true");
  EXPECT_EQ(plan.services[0].container.user, "redis");
  EXPECT_TRUE(plan.services[0].container.init);
  EXPECT_TRUE(plan.build.init);
  EXPECT_FALSE(plan.helper.init);
}

}  // namespace
}  // namespace slipway::executors::docker
