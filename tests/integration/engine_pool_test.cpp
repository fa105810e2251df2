// Fault 27: the Engine has addresses for one network of a job only, and FF_NETWORK_PER_BUILD asks
// for one per job.

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
using namespace std::chrono_literals;

constexpr auto waiting = "The Docker Engine has no addresses left for the job's network, waiting";

class EnginePool : public PrivateJobs {
 protected:
  void SetUp() override {
    PrivateJobs::SetUp();
    PrivateEngine::Options options;
    options.address_pool = "base=10.213.0.0/24,size=24";
    restart_with(options);
    config.concurrent = 2;
  }

  std::int64_t enqueue(const std::string& script) {
    return gitlab().enqueue(
        JobBuilder{}.image(image).variable("FF_NETWORK_PER_BUILD", "true").script({script}));
  }
};

TEST_F(EnginePool, Fault27_AJobWaitsForAnotherJobsNetworkToGo) {
  const auto first = enqueue("echo first; sleep 6");
  run_until_text(first, "first\n");
  const auto second = enqueue("echo second");
  run_until_text(second, waiting);
  EXPECT_FALSE(finished(first)) << log_of(second);
  EXPECT_EQ(run_until_finished(first).state, JobState::success) << log_of(first);
  EXPECT_EQ(run_until_finished(second).state, JobState::success) << log_of(second);
  EXPECT_THAT(log_of(second), AllOf(HasSubstr("second\n"), Not(HasSubstr("Preparation failed"))));
}

TEST_F(EnginePool, Fault27_AJobEndsWithTheReasonWhenNoNetworkGoes) {
  patience().addresses = 2s;
  const auto first = enqueue("echo first; sleep 1000");
  run_until_text(first, "first\n");
  const auto second = enqueue("echo second");
  const auto& record = run_until_finished(second, 90s);
  EXPECT_EQ(record.state, JobState::failed);
  EXPECT_EQ(record.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(record.trace),
              AllOf(HasSubstr(waiting), HasSubstr("waiting up to 2 s for another network to go"),
                    HasSubstr("every address pool of the Docker Engine is in use"),
                    HasSubstr("docker network prune"), HasSubstr("default-address-pools"),
                    Not(HasSubstr("second\n"))));
  EXPECT_FALSE(finished(first)) << "the other job is none the worse for it";
  // Without a network of its own a job needs none of the pool.
  expect_the_next_job_to_work();
  gitlab().cancel(first, true);
  EXPECT_EQ(run_until_finished(first).state, JobState::canceled);
}

TEST_F(EnginePool, Fault27_AJobThatWaitsForAddressesCanBeCancelled) {
  const auto first = enqueue("echo first; sleep 1000");
  run_until_text(first, "first\n");
  const auto second = enqueue("echo second");
  run_until_text(second, waiting);
  gitlab().cancel(second, true);
  EXPECT_EQ(run_until_finished(second, 10s).state, JobState::canceled) << log_of(second);
  gitlab().cancel(first, true);
  EXPECT_EQ(run_until_finished(first).state, JobState::canceled);
}

}  // namespace
}  // namespace slipway::tests
