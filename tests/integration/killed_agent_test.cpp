// Fault 23, from without: the first process of a container is killed while a stage runs in it.
// Where that is the agent, its shell and all else there die with it.

#include <fmt/format.h>
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

class KilledAgent : public PrivateJobs {
 protected:
  /// Kills the first process of the job's container of that type, as `kill -9` on the Engine's host
  /// does.
  void kill_first_process(const std::string& type) {
    const auto found = containers("com.gitlab.gitlab-runner.type=" + type);
    ASSERT_EQ(found.size(), 1u);
    const auto container = nlohmann::json::parse(
        shell(fmt::format("curl -s --unix-socket '{}' http://engine/containers/{}/json",
                          engine_socket(), found.front())));
    engine().inside(fmt::format("kill -KILL {}", container.at("State").at("Pid").get<int>()));
  }
};

TEST_F(KilledAgent, Fault23_InTheBuildContainerItIsTheScriptThatWasKilled) {
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo so far; sleep 1000", "echo never"})
                                       .after_script({"echo nor after"}));
  run_until_text(id, "so far\n");
  kill_first_process("build");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 137);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("so far\n"), HasSubstr("exit code 137"), Not(HasSubstr("never\n")),
                    Not(HasSubstr("nor after\n"))));
  expect_the_next_job_to_work();
}

TEST_F(KilledAgent, Fault23_InTheHelperContainerTheSourcesCouldNotBeFetched) {
  const auto sha = make_repository({{"file", "content\n"}});
  config.runners.front().pre_get_sources_script = "echo in the helper; sleep 1000";
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"echo never"}));
  run_until_text(id, "in the helper\n");
  kill_first_process("predefined");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 137);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("in the helper\n"), Not(HasSubstr("never\n"))));
  expect_the_next_job_to_work();
}

TEST_F(KilledAgent, Fault23_InTheHelperContainerAfterItsWorkTheScriptGoesOn) {
  const auto sha = make_repository({{"file", "content\n"}});
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .git("demo/project", "main", sha)
                                       .script({"echo at work; sleep 3; cat file"}));
  run_until_text(id, "at work\n");
  kill_first_process("predefined");
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("content\n"));
}

}  // namespace
}  // namespace slipway::tests
