// Fault 31: a job that has the Engine's socket turns against everything on the Engine, itself and
// the daemon's other objects included.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class EngineSocket : public PrivateJobs {
 protected:
  static constexpr auto cli = "docker:24.0.5-cli";

  void SetUp() override {
    PrivateJobs::SetUp();
    engine().need_image(cli);
    docker().volumes.push_back("/var/run/docker.sock:/var/run/docker.sock");
  }

  static JobBuilder job(std::vector<std::string> script) {
    return JobBuilder{}
        .image(cli)
        .variable("DOCKER_HOST", "unix:///var/run/docker.sock")
        .script(std::move(script));
  }
};

TEST_F(EngineSocket, Fault31_E31_AJobThatRemovesEveryContainerEndsAndSaysThatItsOwnIsGone) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& record =
      run_job(job({"cat file", "docker rm -f $(docker ps -aq)", "sleep 1000", "echo never"})
                  .git("demo/project", "main", sha)
                  .service({.name = image, .command = {"sleep", "1000"}})
                  .after_script({"echo nor after"}),
              60s);
  EXPECT_EQ(record.state, JobState::failed);
  EXPECT_EQ(record.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(record.trace),
              AllOf(HasSubstr("content\n"), HasSubstr("Job failed (system failure): container "),
                    HasSubstr(" was removed while or before "), Not(HasSubstr("never\n"))));
  expect_the_next_job_to_work();
}

TEST_F(EngineSocket, Fault31_TheJobBesideItEndsTheSameWay) {
  config.concurrent = 2;
  const auto victim =
      gitlab().enqueue(JobBuilder{}.image(image).script({"echo at work; sleep 1000"}));
  run_until_text(victim, "at work\n");
  const auto culprit = gitlab().enqueue(job({"docker rm -f $(docker ps -aq)", "sleep 1000"}));
  for (const auto id : {victim, culprit}) {
    const auto& record = run_until_finished(id);
    EXPECT_EQ(record.failure_reason, "runner_system_failure");
    EXPECT_THAT(plain_text(record.trace), HasSubstr(" was removed while or before "));
  }
  EXPECT_THAT(log_of(victim), HasSubstr("at work\n"));
  expect_the_next_job_to_work();
}

TEST_F(EngineSocket, Fault31_APruneOfTheWholeSystemDoesTheJobNoHarm) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& record = run_job(job({"docker system prune --all --force --volumes", "cat file"})
                                   .git("demo/project", "main", sha)
                                   .variable("FF_NETWORK_PER_BUILD", "true")
                                   .after_script({"echo after the prune"}),
                               90s);
  EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
  EXPECT_THAT(plain_text(record.trace),
              AllOf(HasSubstr("content\n"), HasSubstr("after the prune\n")));
  let_jobs_settle();
  // It took the images that were not in use.
  engine().need_image(image);
  expect_the_next_job_to_work();
}

}  // namespace
}  // namespace slipway::tests
