// Faults 22, 23, 26, 28, 29 and 30: answers that say no, or come in an unusual order. What the real
// Engine does not do on demand the proxy before it says in its place.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "executors/docker/labels.hpp"
#include "net/http.hpp"
#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

/// The name that a create call gives its container.
std::string name_in(const std::string& line) {
  const auto target = line.substr(line.find(' ') + 1);
  return net::query_parameter(target.substr(0, target.find(' ')), "name").value_or("");
}

using EngineConflict = FaultJobs;

TEST_F(EngineConflict, Fault22_AContainerWithTheNameThatIsNotOursIsLeftAlone) {
  use_proxy();
  EngineProxy::Rule rule;
  rule.method = "POST";
  rule.part = "-build";
  rule.before = [this](const std::string& line) {
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string name) -> asio::awaitable<void> {
        auto spec = busybox({"true"});
        spec.name = std::move(name);
        spec.labels["foreign"] = "yes";
        co_await client.create_container(spec);
      }(engine, name_in(line));
    });
  };
  proxy().add(rule);
  const auto sha = make_repository({{"file", "content\n"}});
  const auto& job = run_job(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"echo never"}), 60s);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("something that slipway did not make"));
  expect_the_next_job_to_work();
  let_jobs_settle();
  EXPECT_THAT(containers("foreign=yes"), SizeIs(1));
  remove_containers("foreign=yes");
}

TEST_F(EngineConflict, Fault22_ACreateWhoseAnswerWasLostIsNotMadeTwice) {
  use_proxy();
  for (const char* part : {"-build", "/networks/create", "-fill-"}) {
    EngineProxy::Rule rule;
    rule.method = "POST";
    rule.part = part;
    rule.drop_answer = true;
    proxy().add(rule);
  }
  const auto& job = run_job(
      JobBuilder{}.image(image).variable("FF_NETWORK_PER_BUILD", "true").script({"echo hello"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_EQ(proxy().left(), 0);
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("Preparation failed")));
}

TEST_F(EngineConflict, Fault22_ARemovalInProgressIsWaitedFor) {
  use_proxy();
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"true"})).state, JobState::success);
  let_jobs_settle();
  EngineProxy::Rule rule;
  rule.method = "DELETE";
  rule.part = "/containers/";
  rule.answer = EngineProxy::refusal(409, "removal of container x is already in progress");
  proxy().add(rule);
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo hello"}));
  EXPECT_EQ(job.state, JobState::success);
  pump_until([this] { return proxy().left() == 0; }, "the removal");
  EXPECT_EQ(service().active_jobs(), 1u) << "it waits for the other removal";
  remove_containers("com.gitlab.gitlab-runner.type=build");
  let_jobs_settle();
}

TEST_F(EngineConflict, Fault22_AContainerMarkedForRemovalEndsTheJobWithThatReason) {
  use_proxy();
  EngineProxy::Rule rule;
  rule.method = "POST";
  rule.part = "/start";
  rule.answer = EngineProxy::refusal(409, "Container is marked for removal and cannot be started.");
  proxy().add(rule);
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo never"}));
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("marked for removal"));
  expect_the_next_job_to_work();
}

TEST_F(EngineConflict, Fault23_AServiceThatIsRemovedDoesNotStopTheJob) {
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .service({.name = image, .command = {"sleep", "1000"}})
                                       .script({"echo running; sleep 2; echo finished"}));
  run_until_text(id, "running\n");
  remove_containers("com.gitlab.gitlab-runner.type=service");
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
  EXPECT_THAT(log_of(id), HasSubstr("finished\n"));
}

class EngineConflictModes : public FaultJobs,
                            public testing::WithParamInterface<config::AgentMode> {
 protected:
  void SetUp() override {
    FaultJobs::SetUp();
    docker().agent = GetParam();
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EngineConflictModes,
                         testing::Values(config::AgentMode::automatic, config::AgentMode::off),
                         [](const auto& mode) {
                           return mode.param == config::AgentMode::off ? "Plain" : "Agent";
                         });

TEST_P(EngineConflictModes, Fault26_TheOutputIsWholeWhenTheWaitIsAnsweredBeforeItsEnd) {
  use_proxy();
  EngineProxy::Rule rule;
  rule.method = "POST";
  rule.part = "/attach?";
  rule.times = 3;
  rule.delay = 1s;
  proxy().add(rule);
  const auto& job = run_job(
      JobBuilder{}.image(image).script({"seq 1 5000", "exit 3"}).after_script({"echo after"}));
  EXPECT_EQ(job.exit_code, 3) << plain_text(job.trace);
  std::string want;
  for (int i = 1; i <= 5000; ++i) want += std::to_string(i) + "\n";
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr(want), HasSubstr("after\n")));
}

TEST_F(EngineConflict, Fault25_InPlainModeACutStreamEndsTheJobWithThatReason) {
  docker().agent = config::AgentMode::off;
  use_proxy().cut_attach_after({400});
  const auto& job =
      run_job(JobBuilder{}.image(image).script({"echo so far; seq 1 1000; sleep 1000"}), 60s);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("without an agent in it its output cannot be"));
  expect_the_next_job_to_work();
}

TEST_F(EngineConflict, Fault28_AVolumeThatIsInUseIsRemovedLater) {
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo running; sleep 2"}));
  run_until_text(id, "running\n");
  run([this](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string state) -> asio::awaitable<void> {
      const std::vector<std::string> labels{state};
      const auto volumes = co_await client.list_volumes(labels);
      auto spec = busybox({"true"});
      spec.labels["foreign"] = "yes";
      for (const auto& volume : volumes) {
        if (!volume.labels.contains(executors::docker::job_label)) continue;
        docker_api::Mount mount;
        mount.source = volume.name;
        mount.target = "/volume-" + std::to_string(spec.mounts.size());
        spec.mounts.push_back(mount);
      }
      EXPECT_FALSE(spec.mounts.empty());
      co_await client.create_container(spec);
    }(engine, "io.slipway.state=" + service().state_id());
  });
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
  let_jobs_settle();
  expect_the_next_job_to_work();
  remove_containers("foreign=yes");
}

TEST_F(EngineConflict, Fault29_AnEngineThatWantsANewerVersionIsToldApart) {
  use_proxy();
  EngineProxy::Rule ping;
  ping.part = "/_ping";
  ping.times = 100;
  ping.answer = EngineProxy::answer(200, "API-Version: 1.99\r\n", "");
  proxy().add(ping);
  EngineProxy::Rule rest;
  rest.times = 100;
  rest.answer = EngineProxy::refusal(
      400,
      "client version 1.55 is too old. Minimum supported API version is 1.60, please upgrade your "
      "client to a newer version");
  proxy().add(rest);
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo never"}));
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("Minimum supported API version is 1.60"),
                    HasSubstr("slipway speaks versions 1.40 to 1.55: update slipway")));
  proxy().clear_rules();
  expect_the_next_job_to_work();
}

/// Podman's words and codes, taken from version 4.3.
TEST_F(EngineConflict, Fault30_PodmansCodesForAContainerThatIsGoneOrStopped) {
  docker().agent = config::AgentMode::off;  // which uses exec, stop and start on stopped ones
  use_proxy();
  EngineProxy::Rule gone;
  gone.method = "DELETE";
  gone.part = "/containers/";
  gone.replace =
      EngineProxy::refusal(500, "no container with name or ID \"x\" found: no such container");
  gone.times = 100;
  proxy().add(gone);
  EngineProxy::Rule stopped;
  stopped.method = "POST";
  stopped.part = "/exec";
  stopped.answer = EngineProxy::refusal(
      500, "can only create exec sessions on running containers: container state improper");
  stopped.times = 100;
  proxy().add(stopped);
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo running; sleep 1000"})
                                       .after_script({"echo after $CI_JOB_STATUS"}));
  run_until_text(id, "running\n");
  gitlab().cancel(id, true);
  const auto& job = run_until_finished(id, 60s);
  EXPECT_EQ(job.reported_state, "failed") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("after canceled"));
  let_jobs_settle();
}

TEST_F(EngineConflict, Fault30_PodmansCodeForANameInUse) {
  use_proxy();
  EngineProxy::Rule lost;
  lost.method = "POST";
  lost.part = "-build";
  lost.replace = EngineProxy::refusal(
      500,
      "container create: creating container storage: the container name \"x\" is already in use "
      "by 3f. You have to remove that container to be able to reuse that name: that name is "
      "already in use");
  proxy().add(lost);
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo hello"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
}

}  // namespace
}  // namespace slipway::tests
