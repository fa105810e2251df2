#include <gmock/gmock.h>

#include <algorithm>

#include "config/feature_flags.hpp"
#include "executors/docker/plan_parts.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Not;

json variable(const char* key, const char* value, bool is_public = true) {
  return {{"key", key}, {"value", value}, {"public", is_public}};
}

job::Variables variables_of(const json& changes, const std::string& runner_toml = "",
                            const PlanContext& with = context()) {
  const auto job = job_of(payload(changes));
  const auto runner = runner_of("", runner_toml);
  JobEnvironment environment;
  environment.builds_dir = "/builds";
  environment.project_dir = "/builds/group/app";
  environment.temp_dir = "/builds/group/app.tmp";
  return job_variables(job, runner, with, environment, Place::disposable);
}

std::vector<std::string> keys(const job::Variables& variables) {
  std::vector<std::string> result;
  for (const auto& entry : variables.list()) result.push_back(entry.key);
  return result;
}

TEST(JobVariables, StandInTheDocumentedOrder) {
  auto with = context();
  with.tls_ca = "-----BEGIN";
  with.tls_certificate = "-----BEGIN CERTIFICATE";
  with.tls_key = util::Secret{"-----BEGIN KEY"};
  const auto list = variables_of({{"variables", {variable("FIRST", "1"), variable("LAST", "2")}}},
                                 "environment = [\"A=1=2\", \"nothing\", \"A=3\"]", with);
  std::vector<std::string> want;
  for (const auto& flag : config::feature_flags()) want.emplace_back(flag.name);
  for (const auto* key : {"CI_JOB_IMAGE",
                          "CI_RUNNER_SHORT_TOKEN",
                          "A",
                          "A",
                          "CI_BUILDS_DIR",
                          "CI_PROJECT_DIR",
                          "CI_CONCURRENT_ID",
                          "CI_CONCURRENT_PROJECT_ID",
                          "CI_SERVER",
                          "CI_JOB_STATUS",
                          "CI_JOB_TIMEOUT",
                          "CI_SERVER_TLS_CA_FILE",
                          "CI_SERVER_TLS_CERT_FILE",
                          "CI_SERVER_TLS_KEY_FILE",
                          "FIRST",
                          "LAST",
                          "CI_DISPOSABLE_ENVIRONMENT",
                          "CI_RUNNER_VERSION",
                          "CI_RUNNER_REVISION",
                          "CI_RUNNER_EXECUTABLE_ARCH",
                          "RUNNER_TEMP_PROJECT_DIR"})
    want.emplace_back(key);
  EXPECT_THAT(keys(list), ElementsAreArray(want));
  const std::pair<const char*, const char*> values[] = {
      {"CI_JOB_IMAGE", "alpine:3.18"},
      {"CI_RUNNER_SHORT_TOKEN", "theToken"},
      {"CI_BUILDS_DIR", "/builds"},
      {"CI_PROJECT_DIR", "/builds/group/app"},
      {"CI_CONCURRENT_ID", "3"},
      {"CI_CONCURRENT_PROJECT_ID", "2"},
      {"CI_SERVER", "yes"},
      {"CI_JOB_STATUS", "running"},
      {"CI_JOB_TIMEOUT", "3600"},
      {"CI_SERVER_TLS_CA_FILE", "-----BEGIN"},
      {"CI_SERVER_TLS_CERT_FILE", "-----BEGIN CERTIFICATE"},
      {"CI_SERVER_TLS_KEY_FILE", "-----BEGIN KEY"},
      {"CI_DISPOSABLE_ENVIRONMENT", "true"},
      {"CI_RUNNER_VERSION", "1.2.3"},
      {"CI_RUNNER_REVISION", "abcdef12"},
      {"RUNNER_TEMP_PROJECT_DIR", "/builds/group/app.tmp"},
      {"A", "3"},
  };
  for (const auto& [key, value] : values) EXPECT_EQ(list.get(key), value) << key;
  for (const auto& entry : list.list())
    EXPECT_EQ(entry.file, entry.key.starts_with("CI_SERVER_TLS_")) << entry.key;
  const auto is_public = [&](const char* key) {
    return std::ranges::find(list.list(), key, &job::Variable::key)->is_public;
  };
  EXPECT_TRUE(is_public("CI_SERVER_TLS_CA_FILE"));
  EXPECT_TRUE(is_public("CI_SERVER_TLS_CERT_FILE"));
  EXPECT_FALSE(is_public("CI_SERVER_TLS_KEY_FILE"));
}

TEST(JobVariables, WithoutImageAndCaNeitherIsNamed) {
  const auto names = keys(variables_of({{"image", {{"name", ""}}}}));
  EXPECT_THAT(names, Not(::testing::Contains("CI_JOB_IMAGE")));
  EXPECT_THAT(names, Not(::testing::Contains("CI_SERVER_TLS_CA_FILE")));
}

TEST(JobVariables, AJobOverridesWhatComesBeforeItsOwn) {
  const auto list =
      variables_of({{"variables",
                     {variable("CI_SERVER", "no"), variable("CI_RUNNER_VERSION", "9"),
                      variable("A", "job"), variable("RUNNER_TEMP_PROJECT_DIR", "/")}}},
                   "environment = [\"A=config\"]");
  EXPECT_EQ(list.get("CI_SERVER"), "no");
  EXPECT_EQ(list.get("A"), "job");
  EXPECT_EQ(list.get("CI_RUNNER_VERSION"), "1.2.3");
  EXPECT_EQ(list.get("RUNNER_TEMP_PROJECT_DIR"), "/builds/group/app.tmp");
}

struct FlagCase {
  const char* what;
  json job;
  const char* toml;
  const char* want;
};

TEST(JobVariables, FlagsAreResolvedBeforeTheJobSeesThem) {
  const char* const flag = "FF_TEST_FEATURE";
  const FlagCase cases[] = {
      {"default", json::array(), "", "false"},
      {"job", {variable(flag, "1")}, "", "true"},
      {"configuration beats the job",
       {variable(flag, "1")},
       "[runners.feature_flags]\nFF_TEST_FEATURE = false",
       "false"},
      {"configuration", json::array(), "[runners.feature_flags]\nFF_TEST_FEATURE = true", "true"},
      {"nonsense", {variable(flag, "perhaps")}, "", "false"},
      {"the last one counts", {variable(flag, "true"), variable(flag, "f")}, "", "false"},
      {"environment", json::array(), "environment = [\"FF_TEST_FEATURE=true\"]", "true"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto list = variables_of({{"variables", c.job}}, c.toml);
    EXPECT_EQ(list.get(flag), c.want);
  }
  EXPECT_EQ(variables_of({}).get("FF_TIMESTAMPS"), "true");
}

TEST(JobVariables, UnknownFlagsStay) {
  const auto list = variables_of({{"variables", {variable("FF_SOMETHING_ELSE", "x")}}});
  EXPECT_EQ(list.get("FF_SOMETHING_ELSE"), "x");
}

TEST(ContainerEnv, FileVariablesArePathsAndPrivateOnesStayOut) {
  job::Variables variables;
  variables.add({.key = "PUBLIC", .value = "a", .is_public = true});
  variables.add({.key = "SECRET", .value = "b", .masked = true});
  variables.add({.key = "FILE", .value = "content", .is_public = true, .file = true});
  variables.add({.key = "EMPTY", .value = "", .is_public = true});
  variables.add({.key = "LINES", .value = "x\n\"y'=z", .is_public = true});
  variables.add_internal("OURS", "c");
  variables.add({.key = "PUBLIC", .value = "last", .is_public = true});
  EXPECT_THAT(container_env(variables, "/t", false),
              ElementsAre("PUBLIC=a", "SECRET=b", "FILE=/t/FILE", "EMPTY=", "LINES=x\n\"y'=z",
                          "OURS=c", "PUBLIC=last"));
  EXPECT_THAT(container_env(variables, "/t", true),
              ElementsAre("PUBLIC=a", "FILE=/t/FILE", "EMPTY=", "LINES=x\n\"y'=z", "OURS=c",
                          "PUBLIC=last"));
}

TEST(BaseLabels, AreTheDocumentedOnesAndOurs) {
  const auto labels = base_labels(job_of(payload()), runner_of(), context());
  const std::string p = "com.gitlab.gitlab-runner.";
  const docker_api::Labels want{
      {p + "job.id", "42"},
      {p + "job.url", "http://gitlab.example.com/group/app/-/jobs/42"},
      {p + "job.sha", "1ecfd275763eff1d6b4844ea3168962458c9f27a"},
      {p + "job.before_sha", "0000000000000000000000000000000000000000"},
      {p + "job.ref", "main"},
      {p + "job.timeout", "1h0m0s"},
      {p + "project.id", "1234"},
      {p + "project.runner_id", "2"},
      {p + "pipeline.id", "7"},
      {p + "runner.id", "theToken"},
      {p + "runner.local_id", "3"},
      {p + "runner.system_id", "some-system-id"},
      {p + "managed", "true"},
      {"io.slipway.state", "00112233445566ff"},
      {"io.slipway.job", "theToken-42-0011aabb"},
  };
  EXPECT_EQ(labels, want);
}

TEST(BaseLabels, PipelineOfAnOlderServer) {
  auto text = payload({{"+variables", {variable("CI_PIPELINE_ID", "77")}}});
  text["job_info"].erase("pipeline_id");
  const auto labels = base_labels(job_of(text), runner_of(), context());
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.pipeline.id"), "77");
}

TEST(ContainerLabels, AreExpandedAndNeverHideOurs) {
  const auto plan = plan_of({{"services", {{{"name", "redis"}}}}},
                            "[runners.docker.container_labels]\nteam = \"$CI_JOB_STATUS\"\n"
                            "\"io.slipway.state\" = \"x\"");
  const std::string prefixed = "com.gitlab.gitlab-runner.team";
  for (const auto* spec : {&plan.build, &plan.helper}) {
    EXPECT_EQ(spec->labels.at("team"), "running");
    EXPECT_FALSE(spec->labels.contains(prefixed));
    EXPECT_EQ(spec->labels.at("io.slipway.state"), "00112233445566ff");
  }
  const auto& service = plan.services.at(0).container.labels;
  EXPECT_EQ(service.at("team"), "running");
  EXPECT_EQ(service.at(prefixed), "running");
  EXPECT_FALSE(plan.build.mounts.at(0).labels.contains("team"));
}

}  // namespace
}  // namespace slipway::executors::docker
