// Whole jobs through coordinator, daemon and Engine.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;

TEST_F(DockerJobs, EchoesHelloThroughAllLayers) {
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo hello from $CI_JOB_NAME"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("hello from"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Job succeeded"));
}

TEST_F(DockerJobs, ReportsTheExitCodeOfAFailedScript) {
  const auto& job =
      run_job(JobBuilder{}.image(image).script({"echo before", "exit 3", "echo never"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 3);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("ERROR: Job failed: exit code 3"));
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("\nnever")));
}

TEST_F(DockerJobs, FetchesSourcesOverHttp) {
  const auto sha = make_repository({{"README", "from the repository\n"}});
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .git("demo/project", "main", sha)
                                .script({"cat README", "test \"$(pwd)\" = \"$CI_PROJECT_DIR\""}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("from the repository"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Checking out " + sha.substr(0, 8)));
}

TEST_F(DockerJobs, RunsAfterScriptInTheSameContainer) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .script({"echo kept > /tmp/file", "false"})
                                .after_script({"cat /tmp/file", "echo status $CI_JOB_STATUS"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("kept"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("status failed"));
}

}  // namespace
}  // namespace slipway::tests
