// Bad input and faults, against the real Engine and the coordinator.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::Endpoint;
using local::FaultPoint;
using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

JobBuilder echo_job() {
  return JobBuilder{}.image(EngineTest::image).script({"echo hello"});
}

TEST_F(DockerJobs, AnUnreachableEngineFailsTheJobAndSaysWhatToDo) {
  docker().host = "unix:///nonexistent/docker.sock";
  const auto& job = run_job(echo_job());
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  const auto log = plain_text(job.trace);
  EXPECT_THAT(log, HasSubstr("/nonexistent/docker.sock"));
  EXPECT_THAT(log, HasSubstr("Is dockerd running"));
  EXPECT_THAT(log, HasSubstr("Will be retried in 3s ..."));
}

TEST_F(DockerJobs, AnImageThatDoesNotExistIsNamed) {
  const auto& job = run_job(JobBuilder{}
                                .image("slipway-test/absent:1")
                                .image_pull_policy({"if-not-present"})
                                .script({"true"}),
                            120s);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("slipway-test/absent:1"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("failed to pull image"));
}

TEST_F(DockerJobs, E4_AnImageWithoutAShellIsASystemFailure) {
  // The helper image's archive is at hand, but an image without any shell is quickly made: one
  // file.
  std::string id;
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client) -> asio::awaitable<void> {
      docker_api::TarBuilder tar;
      tar.add_file("readme", 0644, "no shell here\n");
      const auto path = std::filesystem::temp_directory_path() / "slipway-test-noshell.tar";
      {
        std::FILE* file = std::fopen(path.c_str(), "w");
        const auto bytes = tar.finish();
        std::fwrite(bytes.data(), 1, bytes.size(), file);
        std::fclose(file);
      }
      const std::vector<std::string> changes{"ENV PATH=/bin"};
      co_await client.import_image(path.string(), "slipway-test-noshell", "1", changes);
      std::filesystem::remove(path);
    }(engine);
  });
  const auto& job = run_job(JobBuilder{}.image("slipway-test-noshell:1").script({"true"}));
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("executable file not found"));
  stop_service();
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    co_await engine.remove_image("slipway-test-noshell:1", true);
  });
}

TEST_F(DockerJobs, AFailingCoordinatorDoesNotStopTheRunner) {
  gitlab().faults().fail_next(Endpoint::request_job, 500, 2);
  local::Answer html;
  html.status = 502;
  html.body = "<html><body>Bad Gateway</body></html>";
  html.content_type = "text/html";
  gitlab().faults().fail_next(Endpoint::request_job, html, 1);
  const auto& job = run_job(echo_job());
  EXPECT_EQ(job.state, JobState::success);
}

TEST_F(DockerJobs, AForbiddenRunnerAsksAgain) {
  gitlab().faults().fail_next(Endpoint::request_job, 403, 2);
  const auto& job = run_job(echo_job());
  EXPECT_EQ(job.state, JobState::success);
}

TEST_F(DockerJobs, ACoordinatorThatClosesMidBodyIsAskedAgain) {
  gitlab().faults().drop_next(Endpoint::request_job, FaultPoint::before_processing, 2);
  gitlab().faults().drop_next(Endpoint::patch_trace, FaultPoint::before_processing, 1);
  gitlab().faults().drop_next(Endpoint::finish_job, FaultPoint::after_processing, 1);
  const auto& job = run_job(echo_job());
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("hello"));
}

TEST_F(DockerJobs, ALostPatchAnswerIsResumedWithoutLossOrDoubling) {
  gitlab().faults().fail_next(Endpoint::patch_trace, 500, 1, FaultPoint::after_processing);
  const auto& job = run_job(JobBuilder{}.image(image).script({"seq 1 2000"}));
  EXPECT_EQ(job.state, JobState::success);
  std::string want;
  for (int i = 1; i <= 2000; ++i) want += std::to_string(i) + "\n";
  EXPECT_THAT(plain_text(job.trace), HasSubstr(want));
}

TEST_F(DockerJobs, UnknownFieldsAndInvalidUtf8InThePayloadAreHarmless) {
  gitlab().set_payload_filter([](std::string payload) {
    const std::string mark = "BROKEN";
    const auto at = payload.find(mark);
    if (at != std::string::npos) payload.replace(at, mark.size(), "\xff\xfe");
    return payload;
  });
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .variable("ODD", "BROKEN")
                                .script({"echo hello"})
                                .field("unheard_of", nlohmann::json{{"deep", {1, 2, 3}}}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

TEST_F(DockerJobs, MaskedValuesNeverShow) {
  const auto& job =
      run_job(JobBuilder{}
                  .image(image)
                  .masked_variable("SECRET", "hunter2hunter2")
                  .script({"printf 'a hunter2hu'; sleep 1; printf 'nter2 b\\n'", "echo $SECRET"}));
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_THAT(job.trace, Not(HasSubstr("hunter2hunter2")));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("a [MASKED] b"));
}

TEST_F(DockerJobs, ACancelStopsTheScriptAndRunsAfterScript) {
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .script({"trap 'echo goodbye; exit 1' TERM; echo running; while :; do sleep 0.1; done"})
          .after_script({"echo after $CI_JOB_STATUS"}));
  run_until(id, [](const auto& job) { return job.trace.find("running") != std::string::npos; });
  gitlab().cancel(id, true);
  const auto& job = run_until_finished(id, 40s);
  const auto log = plain_text(job.trace);
  EXPECT_EQ(job.reported_state, "failed") << log;
  EXPECT_THAT(log, HasSubstr("script canceled externally (UI, API)"));
  EXPECT_THAT(log, HasSubstr("after canceled"));
  EXPECT_THAT(log, HasSubstr("Job failed: canceled"));
}

TEST_F(DockerJobs, AForcedCancelEndsEverything) {
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script({"echo running; sleep 1000"}).after_script({"echo never"}));
  run_until(id, [](const auto& job) { return job.trace.find("running") != std::string::npos; });
  gitlab().cancel(id, false);
  const auto& job = run_until_finished(id, 40s);
  EXPECT_EQ(job.state, JobState::canceled);
  stop_service();
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("never\n")));
}

TEST_F(DockerJobs, E57_TheJobTimeoutEndsTheJob) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .timeout(3)
                                .script({"echo running; sleep 1000"})
                                .after_script({"echo never"}),
                            60s);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("execution took longer than 3s seconds"));
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("never\n")));
}

TEST_F(DockerJobs, E10_AbortEndsRunningJobsAsInterrupted) {
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"sh -c 'trap \"echo goodbye; exit\" TERM; echo running; while :; do sleep 0.1; done'"}));
  run_until(id, [](const auto& job) {
    return plain_text(job.trace).find("\nrunning\n") != std::string::npos;
  });
  service().abort("terminated");
  const auto& job = run_until_finished(id, 40s);
  EXPECT_EQ(job.failure_reason, "runner_interrupted");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("\ngoodbye\n"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Job failed: aborted: terminated"));
}

TEST_F(DockerJobs, SeveralJobsRunAtOnceUpToConcurrent) {
  config.concurrent = 2;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(
        gitlab().enqueue(JobBuilder{}.image(image).script({"echo start; sleep 2; echo end"})));
  for (const auto id : ids) EXPECT_EQ(run_until_finished(id).state, JobState::success);
  const auto& first = gitlab().job(ids[0]);
  const auto& second = gitlab().job(ids[1]);
  const auto& third = gitlab().job(ids[2]);
  EXPECT_LT(*second.assigned_at, *first.finished_at) << "the first two run side by side";
  EXPECT_GE(*third.assigned_at, std::min(*first.finished_at, *second.finished_at) - 100ms);
}

TEST_F(DockerJobs, E44_AVariableWithoutAKeyIsAConfigurationErrorAndHarmsNobodyElse) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .variable("", "no key")
                                .script({"echo never"})
                                .after_script({"echo after"}));
  EXPECT_EQ(job.failure_reason, "runner_configuration_error") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("invalid environment variable"));
  EXPECT_EQ(run_job(echo_job()).state, JobState::success);
}

TEST_F(DockerJobs, ATimeoutEndsAnEntrypointThatNeverHandsOver) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_entrypoint({"sh", "-c", "echo waiting for ever; sleep 1000"})
                                .timeout(3)
                                .script({"echo never"}),
                            60s);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout") << plain_text(job.trace);
}

TEST_F(DockerJobs, E10_E57_TheScriptTimeoutLeavesTimeForAfterScript) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .variable("RUNNER_SCRIPT_TIMEOUT", "2s")
                                .script({"echo running; sleep 1000"})
                                .after_script({"echo after $CI_JOB_STATUS"}),
                            60s);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("after timedout"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("script timeout: context deadline exceeded"));
}

TEST_F(DockerJobs, AHelperThatIsGoneIsNoSuccess) {
  const auto sha = make_repository({{"file", "content\n"}});
  config.runners.front().pre_get_sources_script = "echo in the helper; sleep 20";
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"echo never"}));
  run_until(id,
            [](const auto& job) { return job.trace.find("in the helper") != std::string::npos; });
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client) -> asio::awaitable<void> {
      const std::vector<std::string> labels{"com.gitlab.gitlab-runner.type=predefined"};
      const auto containers = co_await client.list_containers(labels);
      for (const auto& container : containers)
        co_await client.remove_container(container.id, true, false);
    }(engine);
  });
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("never\n")));
}

TEST_F(DockerJobs, AbortRemovesWhatTheJobMadeWhileTheCoordinatorIsAway) {
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo running; sleep 1000"}));
  run_until(id, [](const auto& job) { return job.trace.find("running") != std::string::npos; });
  gitlab().faults().fail_next(Endpoint::patch_trace, 500, 1000);
  gitlab().faults().fail_next(Endpoint::finish_job, 500, 1000);
  service().abort("terminated");
  const auto label = "io.slipway.state=" + service().state_id();
  std::size_t left = 1;
  for (int i = 0; i < 100 && left > 0; ++i) {
    io().restart();
    io().run_for(200ms);
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string state,
                std::size_t* count) -> asio::awaitable<void> {
        const std::vector<std::string> labels{state};
        const auto containers = co_await client.list_containers(labels);
        *count = containers.size();
      }(engine, label, &left);
    });
  }
  EXPECT_EQ(left, 0u);
  gitlab().faults().clear();
  run_until_finished(id, 60s);
}

}  // namespace
}  // namespace slipway::tests
