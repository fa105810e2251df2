// Whole jobs whose images come from a real registry.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"
#include "tests/integration/registry_server.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto password = "corr3ct-horse-battery";

class RegistryJobs : public FaultJobs {
 protected:
  void SetUp() override {
    FaultJobs::SetUp();
    docker().pull_policy = {"always"};
    docker().allowed_pull_policies = {"always", "if-not-present", "never"};
  }
  void TearDown() override {
    if (!state_id_.empty()) let_jobs_settle();
    for (const auto& name : pulled_)
      shell(fmt::format("docker rmi '{}' >/dev/null 2>&1 || true", name));
    FaultJobs::TearDown();
  }

  std::vector<std::string> pulled_;
};

TEST_F(RegistryJobs, E20_APrivateRegistryWithTheJobsCredentials) {
  RegistryServer::Options options;
  options.user = "ci";
  options.password = password;
  RegistryServer registry{options};
  registry.push(EngineTest::image, "group/app:1");
  const auto name = registry.host() + "/group/app:1";
  pulled_.push_back(name);
  const nlohmann::json credentials{
      {{"type", "other"}, {"url", registry.host()}, {"username", "x"}, {"password", "y"}},
      {{"type", "registry"}, {"url", registry.host()}, {"username", "ci"}, {"password", password}}};
  const auto job = [&] { return JobBuilder{}.image(name).script({"echo hello from it"}); };

  auto with_payload = job();
  with_payload.field("credentials", credentials).service(name, "second");
  with_payload.script({fmt::format("echo the password is {}", password), "echo kept >kept"});
  // The upload needs a helper container.
  with_payload.artifacts({"kept"});
  docker().wait_for_services_timeout = 1s;
  docker().helper_image = name;
  const auto& first = run_job(with_payload);
  const auto log = plain_text(first.trace);
  EXPECT_EQ(first.state, JobState::success) << log;
  EXPECT_THAT(log, AllOf(HasSubstr("Authenticating with credentials from job payload (GitLab "
                                   "Registry)\n"),
                         HasSubstr("the password is [MASKED]\n"), Not(HasSubstr(password))));
  EXPECT_THAT(log, HasSubstr("Using helper image:  " + name +
                             "  (overridden, default would be  slipway-helper:"));
  // The service brought it; the same job does not ask for it again.
  EXPECT_EQ(log.find("Pulling docker image"), log.rfind("Pulling docker image"));

  auto with_file = job();
  local::VariableFlags file;
  file.file = true;
  with_file.variable("DOCKER_AUTH_CONFIG", registry.client_config(), file);
  const auto& second = run_job(with_file);
  EXPECT_EQ(second.state, JobState::success) << plain_text(second.trace);
  EXPECT_THAT(plain_text(second.trace),
              HasSubstr("Authenticating with credentials from $DOCKER_AUTH_CONFIG\n"));

  // The registry's words, and no second round of the preparation.
  const auto& third = run_job(job());
  EXPECT_EQ(third.state, JobState::failed);
  EXPECT_EQ(third.failure_reason, "runner_configuration_error");
  EXPECT_THAT(plain_text(third.trace),
              AllOf(HasSubstr("no basic auth credentials"), Not(HasSubstr("Preparation failed"))));
}

TEST_F(RegistryJobs, E17_NeverWithoutTheImageFailsAfterThreeRounds) {
  docker().pull_policy = {"never"};
  const auto& record = run_job(JobBuilder{}.image("slipway-test/absent:1").script({"true"}), 90s);
  EXPECT_EQ(record.state, JobState::failed);
  EXPECT_EQ(record.failure_reason, "runner_system_failure");
  const auto log = plain_text(record.trace);
  const std::string round =
      "Preparation failed: failed to pull image \"slipway-test/absent:1\" "
      "with specified policies [never]: Error response from daemon: ";
  EXPECT_THAT(log, HasSubstr(round));
  EXPECT_NE(log.find(round), log.rfind(round));
  EXPECT_THAT(log, HasSubstr("Job failed (system failure): "));
}

/// A stand-in for an image of another architecture: its programs are this machine's, so that it
/// runs.
TEST_F(RegistryJobs, E55_APlatformOfTheJobsOwnAndTheNextJobIsNative) {
  RegistryServer registry;
  const auto digest = registry.push(EngineTest::image, "app:native");
  registry.add_platform("app", "1", digest, "arm64");
  const auto name = registry.host() + "/app:1";
  pulled_.push_back(name);
  const nlohmann::json foreign{{"name", name},
                               {"executor_opts", {{"docker", {{"platform", "arm64"}}}}}};
  const auto architecture = [&] {
    return shell("docker image inspect -f '{{.Architecture}}' " + name);
  };
  const auto& first = run_job(JobBuilder{}.field("image", foreign).script({"echo hello"}));
  EXPECT_EQ(first.state, JobState::success) << plain_text(first.trace);
  EXPECT_THAT(plain_text(first.trace),
              HasSubstr("Pulling docker image " + name + " for platform linux/arm64 ...\n"));
  EXPECT_EQ(architecture(), "arm64\n");
  const auto& second = run_job(JobBuilder{}.image(name).script({"echo hello"}));
  EXPECT_EQ(second.state, JobState::success) << plain_text(second.trace);
  EXPECT_THAT(plain_text(second.trace), HasSubstr("Pulling docker image " + name + " ...\n"));
  EXPECT_EQ(architecture(), "amd64\n");
}

}  // namespace
}  // namespace slipway::tests
