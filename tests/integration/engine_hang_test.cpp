// Fault 21: an Engine that accepts and never answers. dockerd is stopped by a signal (SIGSTOP) at
// the moment a certain call comes, so that it is the real one that hangs: its connections stay
// open, and new ones are taken by the kernel.
//
// The daemon's limits are shortened to about a second: see docker_api::Patience for the real ones.

#include <gmock/gmock.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AnyOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct HangCase {
  const char* name;
  const char* method;
  const char* part;
};

class EngineHang : public PrivateJobs, public testing::WithParamInterface<HangCase> {};
INSTANTIATE_TEST_SUITE_P(Calls, EngineHang,
                         testing::Values(HangCase{"Connect", "HEAD", "/_ping"},
                                         HangCase{"Info", "GET", "/info"},
                                         HangCase{"Inspect", "GET", "/images/"},
                                         HangCase{"Create", "POST", "/containers/create"},
                                         HangCase{"Archive", "PUT", "/archive"},
                                         HangCase{"Attach", "POST", "/attach"},
                                         HangCase{"Start", "POST", "/start"}),
                         [](const auto& hang) { return hang.param.name; });

TEST_P(EngineHang, Fault21_TheJobEndsWithTheReasonAndTheNextOneWorks) {
  be_impatient();
  use_proxy();
  EngineProxy::Rule rule;
  rule.method = GetParam().method;
  rule.part = GetParam().part;
  rule.before = [](const std::string&) { engine().signal(SIGSTOP); };
  proxy().add(rule);
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo never"}));
  // The final state is delivered while the Engine still hangs.
  const auto& job = run_until_finished(id, 40s);
  EXPECT_EQ(job.failure_reason, "runner_system_failure") << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace),
              AnyOf(HasSubstr("a ping is not answered either"), HasSubstr("no answer within")));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Docker Engine: "));
  engine().signal(SIGCONT);
  expect_the_next_job_to_work();
}

TEST_F(PrivateJobs, Fault21_AtRemovalTheJobHasEndedAndTheRestIsRemovedLater) {
  be_impatient();
  use_proxy();
  EXPECT_EQ(run_job(JobBuilder{}.image(image).script({"true"})).state, JobState::success);
  let_jobs_settle();
  EngineProxy::Rule rule;
  rule.method = "DELETE";
  rule.part = "/containers/";
  rule.before = [](const std::string&) { engine().signal(SIGSTOP); };
  proxy().add(rule);
  const auto& job = run_job(JobBuilder{}.image(image).script({"echo hello"}));
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  // What hangs is given up and left to the reaper: the job's slot becomes free.
  let_jobs_settle();
  engine().signal(SIGCONT);
  expect_the_next_job_to_work();
}

TEST_F(PrivateJobs, Fault21_AHangOfSomeSecondsWhileAJobRunsDoesNoHarm) {
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script({"i=1; while [ $i -le 60 ]; do echo line $i; i=$((i+1)); "
                                        "sleep 0.05; done"}));
  run_until_text(id, "line 10\n");
  engine().signal(SIGSTOP);
  pump_for(3s);
  engine().signal(SIGCONT);
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  std::string want;
  for (int i = 1; i <= 60; ++i) want += "line " + std::to_string(i) + "\n";
  EXPECT_THAT(plain_text(job.trace), HasSubstr("done\n" + want));
}

}  // namespace
}  // namespace slipway::tests
