// Shell jobs that use the Engine of their machine, as the documentation shows.

#include <gmock/gmock.h>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;

class ShellEngine : public DockerJobs {
 protected:
  void SetUp() override {
    DockerJobs::SetUp();
    auto& runner = config.runners.front();
    runner.executor = "shell";
    runner.docker.reset();
    runner.builds_dir = (scratch() / "builds").string();
  }
};

// The job's user is this process's, which reaches the Engine as a member of `docker` or as root.
TEST_F(ShellEngine, DockerBuildAndRunWork) {
  const auto sha = make_repository({{"Dockerfile", "FROM " + image + "\nCOPY hello /hello\n"},
                                    {"hello", "built by a shell job\n"}});
  const auto& record = run_job(JobBuilder{}
                                   .git("demo/project", "main", sha)
                                   .script({"docker build -t slipway-shell-test .",
                                            "docker run --rm slipway-shell-test cat /hello"})
                                   .after_script({"docker rmi -f slipway-shell-test"}),
                               180s);
  EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
  EXPECT_THAT(plain_text(record.trace), HasSubstr("\nbuilt by a shell job\n"));
  let_jobs_settle();
}

}  // namespace
}  // namespace slipway::tests
