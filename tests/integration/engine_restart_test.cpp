// Fault 20: the Engine is restarted (TERM, KILL) while jobs pull, prepare, run and are removed,
// with and without live-restore.

#include <gmock/gmock.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"
#include "tests/integration/test_registry.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

/// Each way in which dockerd ends.
class EngineRestart : public PrivateJobs, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    PrivateJobs::SetUp();
    // An Engine that is being stopped may make a volume and lose its labels: one that outlives its
    // job would not be found again by this test.
    docker().volumes.clear();
  }

  /// Ends the Engine when the daemon sends such a request; it still gets it.
  void end_engine_at(const char* method, const char* part) {
    EngineProxy::Rule rule;
    rule.method = method;
    rule.part = part;
    rule.before = [](const std::string&) { engine().signal(GetParam()); };
    proxy().add(rule);
  }
};
INSTANTIATE_TEST_SUITE_P(Signals, EngineRestart, testing::Values(SIGTERM, SIGKILL),
                         [](const auto& signal) {
                           return signal.param == SIGKILL ? "Kill" : "Term";
                         });

TEST_P(EngineRestart, Fault20_DuringCreateTheJobWaitsForTheEngineAndGoesOn) {
  use_proxy();
  end_engine_at("POST", "/containers/create");
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo hello"}));
  start_service();
  bring_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("The Docker Engine does not answer, waiting up to 60 s"),
                    HasSubstr("The Docker Engine answers again"), HasSubstr("hello\n"),
                    Not(HasSubstr("Preparation failed"))));
}

TEST_P(EngineRestart, Fault20_DuringCreateOfTheNetworkTheJobGoesOn) {
  use_proxy();
  end_engine_at("POST", "/networks/create");
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).variable("FF_NETWORK_PER_BUILD", "true").script({"echo hello"}));
  start_service();
  bring_back();
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
}

TEST_P(EngineRestart, Fault20_DuringPullTheJobPullsAgain) {
  TestRegistry registry{io().get_executor()};
  const auto address = registry.listen(engine().gateway());
  registry.add("busybox", root_of_image(), TestRegistry::Behaviour::stall);
  util::TaskGroup serving{io().get_executor()};
  serving.start(registry.run());
  const auto id =
      gitlab().enqueue(JobBuilder{}.image(address + "/busybox:1").script({"echo hello"}));
  start_service();
  pump_until([&] { return registry.holding(); }, "the pull to be under way");
  engine().signal(GetParam());
  registry.release();
  bring_back();
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
  EXPECT_THAT(log_of(id), HasSubstr("The Docker Engine answers again"));
  stop_service();
  serving.cancel();
  pump_until([&] { return serving.running() == 0; }, "the registry to end");
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string name) -> asio::awaitable<void> {
      co_await client.remove_image(name, true);
    }(engine, address + "/busybox:1");
  });
}

TEST_P(EngineRestart, Fault20_DuringRunWithLiveRestoreNothingIsLost) {
  PrivateEngine::Options options;
  options.live_restore = true;
  restart_with(options);
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script({"i=1; while [ $i -le 300 ]; do echo $i; i=$((i+1)); sleep "
                                        "0.02; done"}));
  run_until_text(id, "100\n");
  engine().signal(GetParam());
  bring_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("done\n" + numbers(1, 300)));
}

TEST_P(EngineRestart, Fault20_E48_DuringRunWithoutLiveRestoreTheJobEndsAndSaysWhy) {
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo so far; sleep 1000"}));
  run_until_text(id, "so far\n");
  engine().signal(GetParam());
  bring_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("so far\n"), HasSubstr("the Engine was restarted")));
  expect_the_next_job_to_work();
}

TEST_P(EngineRestart, Fault20_DuringRemovalWhatIsLeftIsRemovedLater) {
  use_proxy();
  end_engine_at("DELETE", "/containers/");
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo hello"}));
  start_service();
  bring_back();
  EXPECT_EQ(run_until_finished(id).state, JobState::success) << log_of(id);
  expect_the_next_job_to_work();
}

TEST_F(PrivateJobs, Fault20_DuringGetSourcesWithLiveRestoreTheJobGoesOn) {
  PrivateEngine::Options options;
  options.live_restore = true;
  restart_with(options);
  const auto sha = make_repository({{"file", "from the repository\n"}});
  config.runners.front().pre_get_sources_script = "echo in the helper; sleep 3; echo still there";
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).git("demo/project", "main", sha).script({"cat file"}));
  run_until_text(id, "in the helper\n");
  engine().signal(SIGKILL);
  bring_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("still there\n"), HasSubstr("from the repository\n")));
}

TEST_F(PrivateJobs, Fault20_AnEngineThatStaysAwayFailsTheJobAndTheNextOneWorks) {
  be_impatient();
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"true"})).state, JobState::success);
  let_jobs_settle();
  engine().stop();
  const auto& job = run_job(JobBuilder{}.image(image).script({"true"}));
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace),
              AllOf(HasSubstr("it was waited for 1 s"), HasSubstr("Is dockerd running")));
  engine().start(engine().options());
  expect_the_next_job_to_work();
}

}  // namespace
}  // namespace slipway::tests
