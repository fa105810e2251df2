#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "plan_support.hpp"
#include "tests/fakes/test_paths.hpp"

// Whole plans against golden/<name>.json. SLIPWAY_UPDATE_GOLDEN=1 writes the files anew: read the
// difference before committing it.
namespace slipway::executors::docker {
namespace {

struct GoldenCase {
  const char* name;
  json changes;
  const char* docker;
  const char* runner = "";
};

json variable(const char* key, const char* value, bool is_public = true, bool masked = false) {
  return {{"key", key}, {"value", value}, {"public", is_public}, {"masked", masked}};
}

/// What GitLab sends for the documented `.gitlab-ci.yml` of Docker-in-Docker with TLS.
json dind_tls() {
  const std::string server = "http://172.17.0.1:8929";
  const std::string url =
      "http://gitlab-ci-token:glcbt-64_demoJobToken0001@172.17.0.1:8929/demo/dind-tls.git";
  return {
      {"id", 1},
      {"token", "glcbt-64_demoJobToken0001"},
      {"job_info",
       {{"name", "build"},
        {"stage", "build"},
        {"project_id", 1},
        {"project_name", "dind-tls"},
        {"project_full_path", "demo/dind-tls"},
        {"pipeline_id", 1}}},
      {"git_info",
       {{"repo_url", url},
        {"ref", "main"},
        {"sha", "1ecfd275763eff1d6b4844ea3168962458c9f27a"},
        {"before_sha", "0000000000000000000000000000000000000000"},
        {"ref_type", "branch"},
        {"refspecs", {"+refs/pipelines/1:refs/pipelines/1"}},
        {"depth", 20},
        {"repo_object_format", "sha1"},
        {"protected", true}}},
      {"variables",
       {variable("CI_JOB_ID", "1"),
        variable("CI_JOB_TOKEN", "glcbt-64_demoJobToken0001", false, true),
        variable("CI_JOB_URL", "http://172.17.0.1:8929/demo/dind-tls/-/jobs/1"),
        variable("CI_PROJECT_PATH", "demo/dind-tls"),
        variable("CI_REPOSITORY_URL", url.c_str(), false, true),
        variable("CI_COMMIT_REF_PROTECTED", "true"), variable("DOCKER_HOST", "tcp://docker:2376"),
        variable("DOCKER_TLS_CERTDIR", "/certs"), variable("DOCKER_TLS_VERIFY", "1"),
        variable("DOCKER_CERT_PATH", "$DOCKER_TLS_CERTDIR/client")}},
      {"steps", {{{"name", "script"}, {"script", {"docker info"}}}}},
      {"image", {{"name", "docker:24.0.5-cli"}}},
      {"services", {{{"name", "docker:24.0.5-dind"}}}}};
}

constexpr auto documented_dind =
    "image = \"docker:24.0.5-cli\"\nprivileged = true\nvolumes = [\"/certs/client\", \"/cache\"]";

json fetch() {
  return {{"+variables", {variable("GIT_STRATEGY", "fetch")}}};
}

json network_per_build() {
  return {{"+variables", {variable("FF_NETWORK_PER_BUILD", "true")}},
          {"services",
           {{{"name", "tutum/wordpress"}, {"alias", "web"}},
            {{"name", "postgres:14"}, {"alias", "web,db"}}}}};
}

std::vector<GoldenCase> cases() {
  return {
      {"trivial_none", {}, ""},
      {"fetch", fetch(), "volumes = [\"/cache\"]"},
      {"dind_tls", dind_tls(), documented_dind},
      {"network_per_build", network_per_build(), "network_mtu = 1402"},
      {"shared_builds", fetch(), "volumes = [\"/srv/builds:/builds:rw\", \"/cache\"]"},
      {"everything",
       {{"image",
         {{"name", "$CI_REGISTRY/app:1"},
          {"entrypoint", {"/entry"}},
          {"pull_policy", {"if-not-present"}},
          {"executor_opts", {{"docker", {{"platform", "arm64"}, {"user", "1000:1000"}}}}}}},
        {"+variables", {variable("CI_REGISTRY", "reg.example.com:4999")}},
        {"services",
         {{{"name", "reg.example.com:4999/valkey/valkey"},
           {"alias", "cache"},
           {"command", {"--port", "1"}},
           {"variables", {variable("SIZE", "1")}}}}}},
       "hostname = \"ci\"\ncache_dir = \"/var/cache\"\nvolumes = [\"/cache\", \"/etc/x:/x:ro,Z\"]\n"
       "allowed_pull_policies = [\"if-not-present\", \"always\"]\nmemory = \"1g\"\ncpus = \"1.5\"\n"
       "service_memory = \"512m\"\ncap_add = [\"net_admin\"]\ndns = [\"1.1.1.1\"]\n"
       "extra_hosts = [\"a:1.2.3.4\"]\nhelper_image = \"helper:1\"\nvolume_keep = true\n"
       "allowed_images = [\"reg.example.com:4999/*:*\"]\n"
       "[[runners.docker.services]]\nname = \"docker:24.0.5-dind\"\n"
       "command = [\"--registry-mirror\", \"https://mirror.example.com\"]",
       "builds_dir = \"/ci\"\nenvironment = [\"HTTP_PROXY=http://proxy:3128\"]\n"},
  };
}

std::string path_of(const char* name) {
  return std::string{fakes::test_data_dir} + "/golden/" + name + ".json";
}

TEST(Golden, PlansAreAsWrittenDown) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto plan = to_json(plan_of(c.changes, c.docker, c.runner));
    if (std::getenv("SLIPWAY_UPDATE_GOLDEN") != nullptr) {
      std::ofstream{path_of(c.name)} << plan.dump(2) << '\n';
      continue;
    }
    std::ifstream file{path_of(c.name)};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto want = json::parse(text, nullptr, false);
    ASSERT_FALSE(want.is_discarded()) << "no golden file";
    EXPECT_EQ(plan, want) << json::diff(want, plan).dump(2);
  }
}

TEST(Golden, PlansDependOnNothingElse) {
  for (const auto& c : cases())
    EXPECT_EQ(to_json(plan_of(c.changes, c.docker, c.runner)),
              to_json(plan_of(c.changes, c.docker, c.runner)))
        << c.name;
}

}  // namespace
}  // namespace slipway::executors::docker
