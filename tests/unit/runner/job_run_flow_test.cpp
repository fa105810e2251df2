// Which stages a job goes through, and what its log says of them. CaseNN: the numbered edge cases
// of stages and scripts.

#include <nlohmann/json.hpp>

#include "job_run_fixture.hpp"

namespace slipway::runner {
namespace {

using local::JobBuilder;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr const char* sha = "0123456789012345678901234567890123456789";

class JobFlow : public JobRunTest {
 public:
  JobFlow() {
    runner.url = "https://gitlab.example.com";
    // Pauses of one second and more, not of five.
    runner.feature_flags["FF_USE_EXPONENTIAL_BACKOFF_STAGE_RETRY"] = false;
  }

  /// With sources, after_script and artifacts of every kind of end.
  static JobBuilder full() {
    JobBuilder job;
    job.git("demo/project", "main", sha)
        .after_script({"echo bye"})
        .field("artifacts", json::array({{{"paths", {"a"}}, {"when", "always"}}}));
    return job;
  }

  asio::awaitable<local::StatusUpdate> end_of(JobBuilder builder) {
    co_await run_job(builder);
    co_return last();
  }
  local::StatusUpdate last() const {
    const auto ends = final_updates();
    EXPECT_EQ(ends.size(), 1u);
    return ends.empty() ? local::StatusUpdate{} : ends.front();
  }
  const std::string& trace() const { return record().trace; }
  /// The script of the stage of that name.
  std::string script_of(const std::string& stage) const {
    const auto found = std::ranges::find(stages, stage);
    if (found == stages.end()) return "no such stage";
    return scripts.at(static_cast<std::size_t>(found - stages.begin()));
  }
};

TEST_F(JobFlow, StagesInTheDocumentedOrder) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full().dependency(7, "token", "build", "a.zip", 1);
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.state, "success") << f.trace();
    EXPECT_THAT(f.stages, ElementsAre("prepare_script", "get_sources", "download_artifacts",
                                      "step_script", "after_script", "upload_artifacts_on_success",
                                      "cleanup_file_variables"));
    EXPECT_THAT(f.script_of("step_script"), HasSubstr("CI_JOB_ID"));
    EXPECT_THAT(f.script_of("after_script"), HasSubstr("CI_JOB_STATUS=success"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case01WithoutAnEnvironmentNothingFollows) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["prepare_script"].exit_code = 1;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "script_failure");
    EXPECT_THAT(f.stages, ElementsAre("prepare_script"));
    EXPECT_THAT(f.trace(), HasSubstr("Job failed: prepare environment: exit code 1. Check "
                                     "https://docs.gitlab.com/runner/shells/"
                                     "#shell-profile-loading for more information"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case02WithoutSourcesNoScriptButTheRest) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["get_sources"].exit_code = 128;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.exit_code, 128);
    EXPECT_THAT(f.stages, ElementsAre("prepare_script", "get_sources",
                                      "upload_artifacts_on_failure", "cleanup_file_variables"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case03TheLimitOfTheSourcesEndsEverything) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.runner.get_sources_timeout = 300ms;
    f.plays["get_sources"].until_stopped = true;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout");
    EXPECT_THAT(f.stages, ElementsAre("prepare_script", "get_sources"));
    EXPECT_THAT(f.trace(),
                AllOf(HasSubstr("get_sources could not run to completion because the timeout"),
                      HasSubstr("Job failed: get sources timeout: exceeded timeout of 300ms")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case03TheLimitIsOfAllAttemptsTogether) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.runner.get_sources_timeout = 1500ms;
    f.plays["get_sources"].exit_code = 1;
    const auto begin = std::chrono::steady_clock::now();
    const JobBuilder builder = full().variable("GET_SOURCES_ATTEMPTS", "10");
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout") << f.trace();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
    EXPECT_THAT(f.stages, Not(Contains("cleanup_file_variables")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case04TheJobsLimitEndsEverything) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["step_script"].until_stopped = true;
    const JobBuilder builder = full().timeout(3);
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout");
    EXPECT_EQ(f.stages.back(), "step_script");
    EXPECT_THAT(f.trace(),
                AllOf(HasSubstr("Job failed: execution took longer than 3s seconds"),
                      HasSubstr("step_script could not run to completion because the timeout")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case05AfterTheScriptsLimitTheRestRuns) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["step_script"].until_stopped = true;
    const JobBuilder builder = full().variable("RUNNER_SCRIPT_TIMEOUT", "300ms");
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout");
    EXPECT_THAT(f.stages, IsSupersetOf({"after_script", "upload_artifacts_on_failure",
                                        "cleanup_file_variables"}));
    EXPECT_THAT(f.script_of("after_script"), HasSubstr("CI_JOB_STATUS=timedout"));
    EXPECT_THAT(f.trace(), HasSubstr("Job failed: script timeout: context deadline exceeded"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case06Case07LimitsThatCannotBeMeantAreNamed) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full()
                                   .timeout(3600)
                                   .variable("RUNNER_SCRIPT_TIMEOUT", "10")
                                   .variable("RUNNER_AFTER_SCRIPT_TIMEOUT", "10h");
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.state, "success");
    const auto script =
        f.trace().find("WARNING: Ignoring malformed RUNNER_SCRIPT_TIMEOUT timeout: 10");
    const auto after = f.trace().find(
        "WARNING: RUNNER_AFTER_SCRIPT_TIMEOUT timeout: 10h is longer than job timeout. Setting to "
        "job timeout");
    EXPECT_LT(script, after) << f.trace();
    EXPECT_LT(after, f.trace().find("Executing \"step_script\"")) << "both are read at the start";
  };
  run<JobFlow>(test);
}

asio::awaitable<void> cancel_in(JobFlow& f, std::string stage) {
  co_await f.stage_begun(std::move(stage));
  f.gitlab.cancel(f.job, /*graceful=*/true);
}

asio::awaitable<void> run_cancelled(JobFlow& f, JobBuilder builder, std::string stage) {
  f.plays[stage].until_stopped = true;
  co_await f.take(builder);
  auto running = f.job_run().run();
  auto cancelling = cancel_in(f, std::move(stage));
  co_await util::both(std::move(running), std::move(cancelling));
}

TEST_F(JobFlow, Case08ACancelledScriptIsFollowedByTheFailuresStages) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full();
    co_await run_cancelled(f, builder, "step_script");
    EXPECT_THAT(f.stages, IsSupersetOf({"after_script", "upload_artifacts_on_failure",
                                        "cleanup_file_variables"}));
    EXPECT_THAT(f.script_of("after_script"), HasSubstr("CI_JOB_STATUS=canceled"));
    EXPECT_THAT(f.trace(), AllOf(HasSubstr("WARNING: script canceled externally (UI, API)"),
                                 HasSubstr("ERROR: Job failed: canceled")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case09ACancelBeforeTheScriptEndsEverything) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full();
    co_await run_cancelled(f, builder, "get_sources");
    EXPECT_EQ(f.stages.back(), "get_sources");
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case09ACancelDuringAfterScriptIsTooLate) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full().variable("RUNNER_AFTER_SCRIPT_TIMEOUT", "700ms");
    co_await run_cancelled(f, builder, "after_script");
    EXPECT_EQ(f.last().state, "success");
    EXPECT_THAT(f.trace(),
                AllOf(HasSubstr("after_script could not run to completion because the timeout"),
                      HasSubstr("WARNING: after_script failed, but job will continue unaffected: "
                                "context deadline exceeded")));
    EXPECT_THAT(f.stages, Contains("upload_artifacts_on_success"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case10AFailingAfterScriptIsAWarning) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["after_script"].exit_code = 4;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.state, "success");
    EXPECT_THAT(f.trace(), HasSubstr("WARNING: after_script failed, but job will continue "
                                     "unaffected: exit code 4"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case10AFailingAfterScriptCountsWhereWanted) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["after_script"].exit_code = 4;
    const JobBuilder builder = full().variable("AFTER_SCRIPT_IGNORE_ERRORS", "false");
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.exit_code, 4);
    EXPECT_THAT(f.trace(), HasSubstr("Job failed: exit code 4"));
    EXPECT_THAT(f.stages, Contains("upload_artifacts_on_failure"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case11TheScriptsFailureIsTheJobs) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["step_script"].exit_code = 3;
    f.plays["after_script"].exit_code = 4;
    f.plays["upload_artifacts_on_failure"].exit_code = 1;
    const JobBuilder builder = full().variable("AFTER_SCRIPT_IGNORE_ERRORS", "false");
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.exit_code, 3);
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case11AnUploadThatFailsFailsTheJob) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["upload_artifacts_on_success"].exit_code = 1;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "script_failure");
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case13TheWorkTreeIsClearedBeforeTheSecondAttemptOnly) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["get_sources"].exit_code = 1;
    const auto begin = std::chrono::steady_clock::now();
    const JobBuilder builder = full().variable("GET_SOURCES_ATTEMPTS", "3");
    co_await f.end_of(builder);
    EXPECT_THAT(f.stages, ElementsAre("prepare_script", "get_sources", "clear_worktree",
                                      "get_sources", "get_sources", "upload_artifacts_on_failure",
                                      "cleanup_file_variables"));
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GT(took, 3s) << "pauses of 1 s and 2 s";
    EXPECT_LT(took, 12s);
    EXPECT_THAT(f.trace(), HasSubstr("WARNING: Retrying..."));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case14SettingsThatCannotBeReadAreOneWarning) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full()
                                   .variable("GET_SOURCES_ATTEMPTS", "99")
                                   .variable("FF_NETWORK_PER_BUILD", "perhaps")
                                   .variable("RESTORE_CACHE_ATTEMPTS", "abc");
    co_await f.end_of(builder);
    EXPECT_THAT(f.trace(),
                AllOf(HasSubstr("WARNING: FF_NETWORK_PER_BUILD is neither true nor false"),
                      HasSubstr("GET_SOURCES_ATTEMPTS: number of attempts out of the range [1, 10],"
                                " clamping to: 10"),
                      HasSubstr("RESTORE_CACHE_ATTEMPTS: expected int got \"abc\", using default "
                                "value: 1")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case15WhatIsSkippedLeavesNoTrace) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder plain;
    co_await f.end_of(plain);
    for (const auto* stage : {"restore_cache", "download_artifacts", "after_script",
                              "archive_cache", "upload_artifacts", "clear_worktree"})
      EXPECT_THAT(f.trace(), Not(HasSubstr(stage)));
    for (const auto* title : {"Restoring cache", "Downloading artifacts", "Saving cache",
                              "Uploading artifacts", "Running after_script"})
      EXPECT_THAT(f.trace(), Not(HasSubstr(title)));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case16AFailedStepIsTheLast) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.plays["step_script"].exit_code = 2;
    const json steps = {{{"name", "script"}, {"script", {"make"}}, {"allow_failure", true}},
                        {{"name", "Release"}, {"script", {"release"}}, {"when", "always"}}};
    const JobBuilder builder = full().field("steps", steps);
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.exit_code, 2);
    EXPECT_THAT(f.stages, Not(Contains("step_release")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, Case16StepsAreStagesInTheirOrder) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const json steps = {{{"name", "script"}, {"script", {"make"}}},
                        {{"name", "release"}, {"script", {"publish $TAG"}}}};
    const JobBuilder builder = full().variable("TAG", "v1").field("steps", steps);
    co_await f.end_of(builder);
    EXPECT_THAT(f.stages, IsSupersetOf({"step_script", "step_release"}));
    EXPECT_THAT(f.script_of("step_release"), HasSubstr("publish v1"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, TheHeaderNamesFlagsThatWereChanged) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = JobBuilder{}.variable("FF_TIMESTAMPS", "false");
    co_await f.end_of(builder);
    EXPECT_THAT(f.trace(), HasSubstr("  feature flags: FF_TIMESTAMPS:false, "
                                     "FF_USE_EXPONENTIAL_BACKOFF_STAGE_RETRY:false\x1b[0;m\n"));
  };
  run<JobFlow>(test);
}

const json inputs = {{{"key", "word"}, {"value", {{"type", "string"}, {"content", "hello"}}}}};

TEST_F(JobFlow, InputsBecomePartOfTheScript) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder =
        full().script({"echo ${{ job.inputs.word }}"}).field("inputs", inputs);
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.state, "success");
    EXPECT_THAT(f.script_of("step_script"), HasSubstr("echo hello"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, InputsThatAreMissingAreAConfigurationError) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder =
        full().script({"echo ${{ job.inputs.wort }}"}).field("inputs", inputs);
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "runner_configuration_error");
    EXPECT_TRUE(f.stages.empty());
    EXPECT_THAT(f.trace(), HasSubstr("${{ job.inputs.wort }} names an input"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, InputsMayBeSwitchedOff) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder = full()
                                   .script({"echo ${{ job.inputs.word }}"})
                                   .field("inputs", inputs)
                                   .variable("FF_ENABLE_JOB_INPUTS_INTERPOLATION", "false");
    co_await f.end_of(builder);
    EXPECT_THAT(f.script_of("step_script"), HasSubstr("${{ job.inputs.word }}"));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, NativeStepsAreGivenToTheImagesStepRunner) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    const JobBuilder builder =
        full().field("steps", json::array()).field("run", R"([{"name":"a","script":"echo $X"}])");
    co_await f.end_of(builder);
    EXPECT_THAT(f.script_of("step_script"),
                AllOf(HasSubstr("step-runner ci"), HasSubstr("echo $X")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, TheLimitOfPreparingIsOfAllTries) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.runner.prepare_timeout = 2s;
    f.prepare_failure = std::make_exception_ptr(
        job::Failure{job::FailureReason::runner_system_failure, "no engine"});
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout");
    EXPECT_THAT(f.trace(), AllOf(HasSubstr("Preparation failed: no engine"),
                                 HasSubstr("prepare timeout: exceeded timeout of 2s")));
  };
  run<JobFlow>(test);
}

TEST_F(JobFlow, TheLimitOfPreparingHoldsForTheEnvironmentsStage) {
  const auto test = [](JobFlow& f) -> asio::awaitable<void> {
    f.runner.prepare_timeout = 500ms;
    f.plays["prepare_script"].until_stopped = true;
    const JobBuilder builder = full();
    const auto end = co_await f.end_of(builder);
    EXPECT_EQ(end.failure_reason, "job_execution_timeout");
    EXPECT_THAT(f.trace(), HasSubstr("Job failed: prepare timeout: exceeded timeout of 500ms"));
    EXPECT_THAT(f.stages, ElementsAre("prepare_script"));
  };
  run<JobFlow>(test);
}

}  // namespace
}  // namespace slipway::runner
