#include <csignal>
#include <fstream>

#include "shell_jobs.hpp"

// How shell jobs end that do not end by themselves. Numbers of cases: docs/edge-cases.md.
namespace slipway::cmd {
namespace {

using namespace std::chrono_literals;
using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Starts a child in the background and one by a double fork, and goes on for ever.
constexpr auto tree =
    "(setsid sh -c 'echo; echo daemon=$$; exec sleep 1000' &); sleep 1000 & echo child=$!; "
    "echo shell=$$; echo; echo ready; wait; sleep 1000";

class ShellEnds : public ShellJobs {
 protected:
  /// Queues a job and waits until its processes are there.
  std::int64_t begin(JobBuilder builder) {
    const auto id = enqueue(builder);
    if (!is_running()) start();
    wait_for_output(id, "\nready");
    pump_until([&] { return log_of(id).find("\ndaemon=") != std::string::npos; });
    return id;
  }
  void expect_gone(std::int64_t id, std::chrono::milliseconds limit = 2s) {
    const auto log = log_of(id);
    for (const auto* name : {"daemon", "child", "shell"}) {
      const auto pid = pid_behind(log, name);
      EXPECT_TRUE(gone_within(pid, limit)) << name;
    }
  }
};

TEST_F(ShellEnds, Case8ACancelEndsTheTreeAndAfterScriptRuns) {
  const auto id = begin(JobBuilder{}.script({tree}).after_script({"echo status=$CI_JOB_STATUS"}));
  gitlab.cancel(id, /*graceful=*/true);
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::canceled);
  EXPECT_THAT(log_of(id),
              AllOf(HasSubstr("script canceled externally (UI, API)"),
                    HasSubstr("status=canceled\n"), HasSubstr("ERROR: Job failed: canceled\n")));
  expect_gone(id);
}

TEST_F(ShellEnds, AnAbortEndsTheTreeAndNothingFollows) {
  const auto id = begin(JobBuilder{}
                            .variable("KEY_FILE", "x", {.file = true})
                            .script({tree})
                            .after_script({"touch ran"}));
  gitlab.cancel(id, /*graceful=*/false);
  pump_until([this] { return journals() == 0; });
  expect_gone(id);
  EXPECT_FALSE(std::filesystem::exists(project_dir() / "ran"));
  EXPECT_THAT(temporary_files(), testing::IsEmpty());
}

TEST_F(ShellEnds, WhatIgnoresTermIsKilled) {
  const auto id = begin(JobBuilder{}.script({std::string{"trap '' TERM; "} + tree}));
  const auto begun = std::chrono::steady_clock::now();
  gitlab.cancel(id, /*graceful=*/true);
  wait_for_end(id);
  EXPECT_GT(std::chrono::steady_clock::now() - begun, 9s);
  expect_gone(id);
}

TEST_F(ShellEnds, Case4TheJobsTimeoutEndsTheTreeAndNothingFollows) {
  const auto id = begin(JobBuilder{}.timeout(4).script({tree}).after_script({"touch ran"}));
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout");
  EXPECT_THAT(log_of(id),
              AllOf(HasSubstr("execution took longer than 4s seconds"),
                    Not(HasSubstr("Running after_script")), Not(HasSubstr("Cleaning up"))));
  expect_gone(id);
  EXPECT_FALSE(std::filesystem::exists(project_dir() / "ran"));
}

TEST_F(ShellEnds, Case5AScriptsTimeoutEndsTheTreeAndAfterScriptRuns) {
  const auto id = begin(JobBuilder{}
                            .variable("RUNNER_SCRIPT_TIMEOUT", "3s")
                            .script({tree})
                            .after_script({"echo status=$CI_JOB_STATUS"}));
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout");
  EXPECT_THAT(log_of(id), AllOf(HasSubstr("status=timedout\n"),
                                HasSubstr("script timeout: context deadline exceeded")));
  expect_gone(id);
}

TEST_F(ShellEnds, AKilledDaemonsJobIsFinishedByTheNext) {
  const auto id = begin(JobBuilder{}
                            .variable("KEY_FILE", "secret", {.file = true})
                            .script({tree})
                            .after_script({"touch ran"}));
  EXPECT_THAT(temporary_files(), Not(testing::IsEmpty()));
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  // Without a daemon already.
  expect_gone(id, 15s);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(log_of(id), HasSubstr("slipway was ended while this job ran, and a shell job ends "
                                    "with the slipway that runs it"));
  pump_until([this] { return journals() == 0; });
  EXPECT_THAT(temporary_files(), testing::IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(project_dir() / "ran"));
  EXPECT_EQ(run_job(JobBuilder{}.script({"echo next"})).state, JobState::success);
}

TEST_F(ShellEnds, TheNextDaemonWaitsForWhatIgnoresTerm) {
  const auto id = begin(JobBuilder{}.script({std::string{"trap '' TERM; "} + tree}));
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  start();
  wait_for_end(id);
  // Its directory is not given to another job before.
  expect_gone(id, 0ms);
}

TEST_F(ShellEnds, SigtermAbortsTheJob) {
  const auto id = begin(JobBuilder{}.script({tree}));
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_THAT(log_of(id), HasSubstr("ERROR: Job failed: aborted: terminated\n"));
  EXPECT_EQ(gitlab.job(id).failure_reason, "runner_interrupted");
  expect_gone(id);
  EXPECT_EQ(journals(), 0u);
}

TEST_F(ShellEnds, AJobThatCannotBeLeftIsEndedInstead) {
  slipway_lines = "on_stop = \"adopt\"";
  const auto id = begin(JobBuilder{}.script({tree}));
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_EQ(gitlab.job(id).failure_reason, "runner_interrupted");
  expect_gone(id);
  EXPECT_EQ(journals(), 0u);
}

TEST_F(ShellEnds, SigquitLetsItFinish) {
  const auto id = enqueue(JobBuilder{}.script({"echo; echo ready; sleep 2; echo done"}));
  start();
  wait_for_output(id, "\nready");
  EXPECT_EQ(end(SIGQUIT), 0);
  EXPECT_EQ(gitlab.job(id).state, JobState::success);
}

TEST_F(ShellEnds, AJobThatKillsItsAgentFailsAndIsTidiedUp) {
  const auto& job = run_job(
      JobBuilder{}.variable("KEY_FILE", "secret", {.file = true}).script({"kill -KILL $PPID"}));
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(log_of(job.id), HasSubstr("the agent that runs this job's stages has ended"));
  pump_until([this] { return journals() == 0; });
  EXPECT_THAT(temporary_files(), testing::IsEmpty());
}

}  // namespace
}  // namespace slipway::cmd
