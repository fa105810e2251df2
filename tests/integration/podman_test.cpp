// Jobs without dind on Podman, which serves Docker's API: docs/podman.md names what differs.

#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/integration/docker_jobs.hpp"
#include "tests/integration/podman_engine.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class PodmanJobs : public DockerJobs {
 protected:
  void SetUp() override {
    if (const char* host = std::getenv("DOCKER_HOST")) first_engine_ = host;
    if (!podman().running()) podman().start({});
    podman().need_image(image);
    ::setenv("DOCKER_HOST", podman().host().c_str(), 1);
    DockerJobs::SetUp();
  }
  void TearDown() override {
    DockerJobs::TearDown();
    if (first_engine_.empty())
      ::unsetenv("DOCKER_HOST");
    else
      ::setenv("DOCKER_HOST", first_engine_.c_str(), 1);
  }
  std::string coordinator_address() override { return podman().gateway(); }
  static PodmanEngine& podman() { return PodmanEngine::shared(); }
  /// Answers `served` on port 80.
  static local::ServiceSpec web() {
    local::ServiceSpec service;
    service.name = image;
    service.alias = "web";
    service.entrypoint = {"sh", "-c",
                          "mkdir /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w"};
    service.variables = {{"HEALTHCHECK_TCP_PORT", "80"}};
    return service;
  }

 private:
  std::string first_engine_;
};

TEST_F(PodmanJobs, E49_AScriptItsExitCodeAndAfterScript) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .script({"echo hello from $CI_JOB_NAME", "exit 7"})
                                .after_script({"echo status $CI_JOB_STATUS"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.exit_code, 7) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("hello from"), HasSubstr("status failed")));
}

TEST_F(PodmanJobs, SourcesAServiceAndACacheVolume) {
  const auto sha = make_repository({{"README", "from the repository\n"}});
  JobBuilder payload;
  payload.image(image)
      .service(web())
      .git("demo/project", "main", sha)
      .script({"cat README", "wget -q -O - http://web/", "echo kept >>/cache/file",
               "wc -l /cache/file"});
  const auto& first = run_job(payload, 120s);
  EXPECT_EQ(first.state, JobState::success) << plain_text(first.trace);
  EXPECT_THAT(plain_text(first.trace), AllOf(HasSubstr("from the repository"), HasSubstr("served"),
                                             Not(HasSubstr("probably didn't start properly"))));
  const auto& second = run_job(payload, 120s);
  EXPECT_THAT(plain_text(second.trace), HasSubstr("2 /cache/file"));
}

TEST_F(PodmanJobs, ANetworkPerJob) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .variable("FF_NETWORK_PER_BUILD", "true")
                                .service(web())
                                .script({"wget -q -O - http://web/"}),
                            120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

TEST_F(PodmanJobs, WithoutAnAgentAndCancelled) {
  docker().agent = config::AgentMode::off;
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"trap 'echo goodbye; exit 1' TERM", "echo started", "sleep 600 & wait $!"}));
  run_until(id, [](const local::JobRecord& job) {
    return job.trace.find("started\n") != std::string::npos;
  });
  gitlab().cancel(id, true);
  const auto& job = run_until_finished(id, 120s);
  EXPECT_EQ(job.state, JobState::canceled) << plain_text(job.trace);
}

}  // namespace
}  // namespace slipway::tests
