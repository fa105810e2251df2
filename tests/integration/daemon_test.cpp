// The real program as a process of its own.

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;

using Daemon = DaemonJobs;

TEST_F(Daemon, Fault44_RunsAJobAndDrainsAtSigquit) {
  start();
  const auto id =
      gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 2; echo finished"}));
  wait_for_output(id, "started");
  EXPECT_EQ(end(SIGQUIT), 0) << log();
  EXPECT_EQ(gitlab().job(id).state, JobState::success);
}

TEST_F(Daemon, Fault44_ASecondSigtermEndsItAtOnceAndTheNextStartTidiesUp) {
  start();
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script({"trap '' TERM; echo started; sleep 1000"}));
  wait_for_output(id, "started");
  ::kill(pid_, SIGTERM);
  pump(500ms);
  EXPECT_EQ(end(SIGTERM), 1);
  EXPECT_EQ(journals(), 1u);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_THAT(job.trace, HasSubstr("aborted: terminated"));
  wait_until_settled();
}

TEST_F(Daemon, Fault48_ASecondDaemonOnTheSameStateIsRefused) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 3"}));
  wait_for_output(id, "started");
  const auto first = std::exchange(pid_, -1);
  start();
  pump_until([&] { return !is_running(); });
  EXPECT_THAT(log(), HasSubstr("another slipway serves this file"));
  pid_ = first;
  EXPECT_EQ(wait_for_end(id).state, JobState::success);
  EXPECT_EQ(end(SIGQUIT), 0);
}

TEST_F(Daemon, ASyntaxErrorInTheConfigIsNamedWithFileLineAndColumn) {
  std::ofstream{config_path_} << "concurrent = 1\n[[runners]\n";
  start();
  pump_until([&] { return !is_running(); });
  EXPECT_THAT(log(), HasSubstr(config_path_.string() + ":2:"));
}

}  // namespace
}  // namespace slipway::tests
