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

// A slot is free when its last job is removed, so that jobs one after another use the same caches.
TEST_F(DockerJobs, E34_JobsOneAfterAnotherUseOneSlotAndItsCaches) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(gitlab().enqueue(JobBuilder{}.image(image).script(
        {"echo x >>/cache/file", "echo slot $CI_CONCURRENT_PROJECT_ID $(wc -l </cache/file)"})));
  for (std::size_t i = 0; i < ids.size(); ++i)
    EXPECT_THAT(plain_text(run_until_finished(ids[i]).trace),
                HasSubstr("\nslot 0 " + std::to_string(i + 1) + "\n"));
}

}  // namespace
}  // namespace slipway::tests
