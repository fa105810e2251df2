// Containers that somebody removes while their job runs.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/both_modes.hpp"
#include "tests/unit/runner/log_capture.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class RemovedContainers : public BothModes {
 protected:
  void remove(const std::string& type) {
    run([type](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string label) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(label)};
        const auto containers = co_await client.list_containers(labels);
        EXPECT_EQ(containers.size(), 1u);
        for (const auto& container : containers)
          co_await client.remove_container(container.id, true, true);
      }(engine, "com.gitlab.gitlab-runner.type=" + type);
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RemovedContainers, both_modes, mode_name);

TEST_P(RemovedContainers, E15_TheScriptIsRunAgainAsOftenAsTheJobWants) {
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .variable("EXECUTOR_JOB_SECTION_ATTEMPTS", "999")
          .script({"if [ -e /cache/second ]; then echo second run; else touch /cache/second; echo "
                   "first run; sleep 1000; fi"}));
  run_until_text(id, " first run\n");
  remove("build");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(
      plain_text(job.trace),
      AllOf(HasSubstr("EXECUTOR_JOB_SECTION_ATTEMPTS: number of attempts out of the range [1, 10], "
                      "clamping to: 10"),
            HasSubstr("ERROR: Container \""), HasSubstr("\" not found or removed. Will retry..."),
            HasSubstr("Retrying step_script"), HasSubstr("second run\n")));
}

TEST_P(RemovedContainers, E15_WithOneAttemptTheJobFailsAndAfterScriptRunsInANewContainer) {
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo running; sleep 1000"})
                                       .after_script({"echo after $CI_JOB_STATUS"}));
  run_until_text(id, " running\n");
  remove("build");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("not found or removed. Will retry..."), HasSubstr("was removed"),
                    Not(HasSubstr("Retrying ")), HasSubstr("after failed\n")));
}

TEST_P(RemovedContainers, E15_E31_OnesThatAreRemovedBetweenTheirStagesAreMadeAgain) {
  use_proxy();
  std::string made;
  EngineProxy::Rule creations;
  creations.method = "POST";
  creations.part = "/containers/create?name=runner-";
  creations.times = 100;
  creations.before = [&made](const std::string& line) {
    for (const char* type : {"build", "predefined"})
      if (line.find(std::string{"-"} + type) != std::string::npos) made += std::string{type} + " ";
  };
  proxy().add(creations);
  runner::LogCapture log;
  config.runners.front().pre_get_sources_script = "echo fetching; sleep 3";
  const auto sha = make_repository({{"file", "content\n"}});
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .git("demo/project", "main", sha)
                                       .script({"echo running; sleep 4", "cat file"})
                                       .after_script({"cat file; echo after it"}));
  run_until_text(id, " fetching\n");
  pump_until([this] { return containers("com.gitlab.gitlab-runner.type=build").size() == 1; },
             "the build container");
  remove("build");
  run_until_text(id, " running\n");
  EXPECT_EQ(made, "predefined build build ");
  remove("predefined");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("content\n"), HasSubstr("after it\n"), Not(HasSubstr("Will retry"))));
  EXPECT_EQ(made, "predefined build build predefined ");
  // The stage that it was made for ran in it.
  EXPECT_THAT(log.lines(), Not(Contains(HasSubstr("cleanup of file variables"))));
}

class RemovedPlainContainer : public FaultJobs {};

// With an agent in it nobody can come between script and after_script.
TEST_F(RemovedPlainContainer, E15_OneThatIsRemovedAfterItsScriptIsMadeAgainForAfterScript) {
  docker().agent = config::AgentMode::off;
  use_proxy();
  int attached = 0;
  EngineProxy::Rule attaching;
  attaching.method = "POST";
  attaching.part = "/attach?";
  attaching.times = 2;
  attaching.before = [this, &attached](const std::string&) {
    if (++attached == 2) remove_containers("com.gitlab.gitlab-runner.type=build");
  };
  proxy().add(attaching);
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .script({"touch /old; echo in the script"})
                                .after_script({"test ! -e /old && echo in a new one"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_EQ(attached, 2);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("in the script\n"), HasSubstr("in a new one\n"),
                    Not(HasSubstr("Will retry"))));
}

class CancelledSources : public FaultJobs {};

TEST_F(CancelledSources, E13_LeaveNothing) {
  const auto sha = make_repository({{"file", "content\n"}});
  config.runners.front().pre_get_sources_script = "echo fetching; sleep 1000";
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"echo never"}));
  run_until_text(id, " fetching\n");
  gitlab().cancel(id, true);
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::canceled) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("never\n")));
}

// GIT_CLONE_PATH at the root of the builds directory: the temporary files lie beside it.
TEST_F(CancelledSources, AClonePathAtTheBuildsDirectoryKeepsItsTemporaryFiles) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_user("1000")
                                .git("demo/project", "main", sha)
                                .variable("GIT_CLONE_PATH", "$CI_BUILDS_DIR")
                                .script({"pwd; cat file", "touch \"$RUNNER_TEMP_PROJECT_DIR/new\"",
                                         "grep builds.tmp /proc/mounts"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("\n/builds\n"), HasSubstr("content\n")));
}

TEST_F(CancelledSources, E56_AUserThatIsNotAllowedFailsTheJobAfterItsSources) {
  const auto sha = make_repository({{"file", "content\n"}});
  docker().allowed_users = {"nobody"};
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_user("1000")
                                .git("demo/project", "main", sha)
                                .script({"echo never"}));
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("Checking out "),
                    HasSubstr("user \"1000\" is not an allowed user: [nobody]")));
}

class SlowStop : public FaultJobs {};

TEST_F(SlowStop, E51_IsWaitedForAndIsNoErrorOfTheEngine) {
  docker().agent = config::AgentMode::off;
  use_proxy();
  EngineProxy::Rule slow;
  slow.method = "POST";
  slow.part = "/stop";
  slow.delay = 4s;
  proxy().add(slow);
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .script({"sh -c 'trap \"for i in 1 2 3; do echo leaving \\$i; sleep 1; done; exit 1\" "
                   "TERM; echo running; while :; do sleep 0.1; done'"})
          .after_script({"echo after $CI_JOB_STATUS"}));
  run_until_text(id, " running\n");
  gitlab().cancel(id, true);
  const auto& job = run_until_finished(id, 90s);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("leaving 3\n"), HasSubstr("Job failed: canceled"),
                    HasSubstr("after canceled"), Not(HasSubstr("Error response from daemon"))));
}

}  // namespace
}  // namespace slipway::tests
