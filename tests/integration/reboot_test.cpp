// Fault 49: the machine loses its power: daemon, Engine and containers end at once. It starts
// again: both may come first.

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon_jobs.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// The real program with an Engine of the test's own.
class Reboot : public DaemonJobs {
 protected:
  static PrivateEngine& engine() { return PrivateEngine::shared(); }

  void SetUp() override {
    if (const char* host = std::getenv("DOCKER_HOST")) first_engine_ = host;
    if (!engine().running()) engine().start({});
    engine().need_image(image);
    ::setenv("DOCKER_HOST", engine().host().c_str(), 1);
    DaemonJobs::SetUp();
  }
  void TearDown() override {
    if (!engine().running()) engine().start({});
    DaemonJobs::TearDown();
    if (first_engine_.empty())
      ::unsetenv("DOCKER_HOST");
    else
      ::setenv("DOCKER_HOST", first_engine_.c_str(), 1);
  }
  std::string coordinator_address() override { return engine().gateway(); }

  void lose_power() {
    kill();
    engine().lose_power();
  }

  /// Ended for the reason, with the log so far.
  void check(std::int64_t id) {
    const auto& job = wait_for_end(id, 90s);
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.failure_reason, "runner_system_failure");
    EXPECT_EQ(job.wrong_checksums, 0);
    EXPECT_THAT(plain_text(job.trace),
                AllOf(HasSubstr("so far\n"), HasSubstr("Job failed (system failure): container "),
                      HasSubstr(" while slipway was not running"), Not(HasSubstr("never\n"))));
    wait_until_settled();
    const auto next = gitlab().enqueue(JobBuilder{}.image(image).script({"echo well again"}));
    EXPECT_EQ(wait_for_end(next).state, JobState::success) << plain_text(gitlab().job(next).trace);
    wait_until_settled();
  }

  JobBuilder job() {
    return JobBuilder{}
        .image(image)
        .git("demo/project", "main", make_repository({{"file", "content\n"}}))
        .service({.name = image, .command = {"sleep", "1000"}})
        .variable("FF_NETWORK_PER_BUILD", "true")
        .script({"echo so far; sleep 1000", "echo never"});
  }

 private:
  std::string first_engine_;  ///< DOCKER_HOST before the test
};

TEST_F(Reboot, Fault49_TheEngineComesFirst) {
  start();
  const auto id = gitlab().enqueue(job());
  wait_for_output(id, "so far\n");
  lose_power();
  engine().start({});
  start();
  check(id);
}

TEST_F(Reboot, Fault49_TheDaemonComesFirst) {
  start();
  const auto id = gitlab().enqueue(job());
  wait_for_output(id, "so far\n");
  lose_power();
  start();
  pump(4s);
  EXPECT_TRUE(is_running());
  engine().start({});
  check(id);
}

TEST_F(Reboot, Fault49_AJobThatHadEndedIsDeliveredAsItEnded) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo so far; sleep 2"}));
  wait_for_output(id, "so far\n");
  gitlab().set_presence(local::Presence::refusing);
  pump(4s);
  lose_power();
  engine().start({});
  start();
  gitlab().set_presence(local::Presence::there);
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("so far\n"), HasSubstr("Job succeeded")));
  wait_until_settled();
}

}  // namespace
}  // namespace slipway::tests
