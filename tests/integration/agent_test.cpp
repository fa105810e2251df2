// The agent in the build container, with the faults that it is there for; and plain mode beside it.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/integration/docker_jobs.hpp"
#include "tests/integration/engine_proxy.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

std::string engine_socket() {
  const std::string host = std::getenv("DOCKER_HOST");
  return host.substr(std::string{"unix://"}.size());
}

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST_F(DockerJobs, Fault25_AnAttachCutAtRandomBytesLosesAndDoublesNothing) {
  const auto socket = (scratch() / "engine.sock").string();
  EngineProxy proxy{io().get_executor(), engine_socket(), socket};
  util::TaskGroup serving{io().get_executor()};
  serving.start(proxy.run());
  docker().host = "unix://" + socket;
  std::mt19937 random{20240601};
  std::deque<std::size_t> cuts;
  for (int i = 0; i < 12; ++i)
    cuts.push_back(std::uniform_int_distribution<std::size_t>{200, 2500}(random));
  proxy.cut_attach_after(std::move(cuts));
  const auto& job = run_job(
      JobBuilder{}.image(image).script({"i=1; while [ $i -le 4000 ]; do echo $i; i=$((i+1)); [ "
                                        "$((i%100)) -ne 0 ] || sleep 0.05; done"}),
      120s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("done\n" + numbers(1, 4000)));
  EXPECT_EQ(proxy.cuts_left(), 0u);
  stop_service();
  serving.cancel();
  io().restart();
  io().run_for(2s);
}

TEST_F(DockerJobs, AChattyBackgroundProcessOfTheEntrypointDoesNotDisturbTheFrames) {
  const auto& job = run_job(
      JobBuilder{}
          .image(image)
          .image_entrypoint(
              {"sh", "-c", "(while :; do echo chatter; sleep 0.01; done) & exec \"$@\"", "-"})
          .script({"i=1; while [ $i -le 300 ]; do echo line $i; i=$((i+1)); done", "sleep 1"}),
      60s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  const auto log = plain_text(job.trace);
  EXPECT_THAT(log, HasSubstr("chatter\n"));
  for (int i = 1; i <= 300; ++i) ASSERT_THAT(log, HasSubstr("line " + std::to_string(i) + "\n"));
}

// As PID 1 the agent cannot be killed from within; behind an entrypoint that stays it can.
TEST_F(DockerJobs, AScriptThatKillsItsAgentFailsAlone) {
  const auto& job = run_job(JobBuilder{}
                                .image(image)
                                .image_entrypoint({"sh", "-c", "\"$@\"; exit 9", "-"})
                                .script({"kill -9 $PPID; sleep 5; echo after"}),
                            60s);
  EXPECT_EQ(job.state, JobState::failed) << plain_text(job.trace);
  EXPECT_EQ(job.exit_code, 9);
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"echo next"})).state, JobState::success);
}

TEST_F(DockerJobs, AnEmptiedHelperVolumeIsFilledAgain) {
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"echo first"})).state, JobState::success);
  let_jobs_settle();
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client) -> asio::awaitable<void> {
      const std::vector<std::string> labels{"com.gitlab.gitlab-runner.type=helper"};
      const auto volumes = co_await client.list_volumes(labels);
      for (const auto& volume : volumes) co_await client.remove_volume(volume.name, true);
    }(engine);
  });
  const auto& job =
      run_job(JobBuilder{}.image(image).script({"echo second"}).after_script({"ls /.slipway"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("slipway-helper"));
}

TEST_F(DockerJobs, Fault23_AContainerRemovedBehindOurBackEndsTheJobAsSystemFailure) {
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo running; sleep 1000"}));
  run_until(id, [](const auto& job) { return job.trace.find("running") != std::string::npos; });
  run([](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client) -> asio::awaitable<void> {
      const std::vector<std::string> labels{"com.gitlab.gitlab-runner.type=build"};
      const auto containers = co_await client.list_containers(labels);
      for (const auto& container : containers)
        co_await client.remove_container(container.id, true, true);
    }(engine);
  });
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("was removed"));
}

}  // namespace
}  // namespace slipway::tests
