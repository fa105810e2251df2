#include <gmock/gmock.h>

#include "executors/docker/docker_executor.hpp"
#include "executors/docker/helper_image.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

json variable(const std::string& key, const std::string& value, bool file = false) {
  return {{"key", key}, {"value", value}, {"public", true}, {"file", file}};
}

TEST(HelperImage, IsNamedForTheCompatibleVersion) {
  struct Case {
    const char* toml;
    const char* name;
  };
  const Case cases[] = {
      {"helper_image = \"reg.tld/helper:x86_64-v${CI_RUNNER_VERSION}\"",
       "reg.tld/helper:x86_64-v19.4.0"},
      {"helper_image = \"reg.tld/helper:x86_64-$CI_RUNNER_REVISION\"",
       "reg.tld/helper:x86_64-v19.4.0"},
      {"helper_image = \"$REGISTRY/helper\"", "reg.local/helper"},
  };
  const json changes{{"+variables", {variable("REGISTRY", "reg.local")}}};
  for (const auto& c : cases) EXPECT_EQ(plan_of(changes, c.toml).helper_image->name, c.name);
  // The job's containers see our own.
  const auto plan = plan_of(changes, cases[0].toml);
  EXPECT_EQ(env_value(plan.build.env, "CI_RUNNER_VERSION"), "1.2.3");
}

TEST(HelperImage, GitLabRunnersOwnByFlavorArchitectureAndShell) {
  struct Case {
    const char* flavor;
    const char* architecture;
    bool pwsh;
    const char* tag;
  };
  const Case cases[] = {
      {"", "x86_64", false, "x86_64-v19.4.0"},
      {"alpine", "amd64", false, "x86_64-v19.4.0"},
      {"ubuntu", "x86_64", false, "ubuntu-x86_64-v19.4.0"},
      {"alpine3.21", "aarch64", false, "alpine3.21-arm64-v19.4.0"},
      {"ubi-fips", "s390x", false, "ubi-fips-s390x-v19.4.0"},
      {"", "armv7l", false, "arm-v19.4.0"},
      {"", "armv6l", true, "arm-v19.4.0-pwsh"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(
        documented_helper_image(c.flavor, c.architecture, c.pwsh),
        std::string{"registry.gitlab.com/gitlab-org/gitlab-runner/gitlab-runner-helper:"} + c.tag);
  const json changes{{"+variables", {variable("FLAVOR", "ubuntu")}}};
  EXPECT_EQ(plan_of(changes, "helper_image_flavor = \"$FLAVOR\"").helper_flavor, "ubuntu");
}

TEST(PlanImage, E54_AVariableThatIsEmptyLeavesTheConfiguredImage) {
  json changes{{"image", {{"name", "$NOTHING"}}}};
  changes["+variables"] = {variable("NOTHING", ""), variable("TAG", "7")};
  const auto plan = plan_of(changes, "image = \"base:$TAG\"");
  EXPECT_EQ(plan.image.name, "base:7");
  EXPECT_TRUE(plan.image.from_config);
}

TEST(PlanRegistry, SourcesOfCredentials) {
  json changes{{"credentials",
                {{{"type", "registry"}, {"url", "r"}, {"username", "u"}, {"password", "p"}},
                 {{"type", "index"}, {"url", "x"}, {"username", "u"}, {"password", "p"}}}}};
  const std::string environment = R"(environment = ["DOCKER_AUTH_CONFIG={\"auths\":{}}"])";
  auto plan = plan_of(changes, "", environment);
  EXPECT_EQ(plan.registry.auth_config.reveal(), R"({"auths":{}})");
  ASSERT_EQ(plan.registry.credentials.size(), 1u);
  EXPECT_EQ(plan.registry.credentials[0].url, "r");
  for (const bool file : {false, true}) {
    changes["+variables"] = {variable("DOCKER_AUTH_CONFIG", "{}", file)};
    EXPECT_EQ(plan_of(changes, "", environment).registry.auth_config.reveal(), "{}");
  }
  EXPECT_TRUE(plan_of({}).registry.auth_config.empty());
}

TEST(ContainerPlatform, E55_IsThatOfTheImageWhereOneWasAskedFor) {
  docker_api::ImageDetails image;
  image.os = "linux";
  image.architecture = "arm";
  image.variant = "v7";
  EXPECT_EQ(container_platform("", image), "");
  EXPECT_EQ(container_platform("linux/arm", image), "linux/arm/v7");
  image.variant.clear();
  EXPECT_EQ(container_platform("linux/arm/v6", image), "linux/arm");
  // An image that was taken over from another process is known by its id alone.
  EXPECT_EQ(container_platform("linux/arm", {}), "linux/arm");
}

TEST(PlanPlatform, E55_OfTheBuildContainerAndNotOfTheHelper) {
  const json changes{
      {"image", {{"name", "alpine"}, {"executor_opts", {{"docker", {{"platform", "arm64"}}}}}}}};
  const auto plan = plan_of(changes);
  EXPECT_EQ(plan.image.platform, "linux/arm64");
  EXPECT_EQ(plan.build.platform, "linux/arm64");
  EXPECT_EQ(plan.helper.platform, "");
}

}  // namespace
}  // namespace slipway::executors::docker
