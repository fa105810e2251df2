// Fault 46: the daemon's state directory cannot be written, or is full: at the start, when a job
// comes and while one runs. It is a file system of the test's own.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobRecord;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

class StateDirectory : public DaemonJobs {
 protected:
  void SetUp() override {
    DaemonJobs::SetUp();
    // The state's id, by which such volumes are found at the end, is gone by then.
    docker().volumes.clear();
    std::filesystem::create_directories(state());
    ASSERT_EQ(::mount("tmpfs", state().c_str(), "tmpfs", 0, "size=1m"), 0)
        << "mounting needs root: " << std::strerror(errno);
  }
  void TearDown() override {
    if (pid_ > 0) end(SIGKILL);
    ::umount2(state().c_str(), MNT_DETACH);
    DaemonJobs::TearDown();
  }

  void set_read_only(bool read_only) {
    const unsigned long flags = MS_REMOUNT | (read_only ? MS_RDONLY : 0);
    ASSERT_EQ(::mount("tmpfs", state().c_str(), "tmpfs", flags, "size=1m"), 0)
        << std::strerror(errno);
  }
  void fill() {
    std::ofstream file{filler(), std::ios::app};
    const std::string page(4096, 'x');
    while (file << page << std::flush) {
    }
  }
  void make_room() { std::filesystem::remove(filler()); }

  /// The start fails and says where.
  void expect_no_start(const std::string& why) {
    start();
    EXPECT_EQ(wait_for_exit(), 1);
    EXPECT_THAT(log(), AllOf(HasSubstr("state directory " + state().string()), HasSubstr(why)));
  }
  const JobRecord& run_job(const std::vector<std::string>& script) {
    return wait_for_end(gitlab().enqueue(JobBuilder{}.image(image).script(script)));
  }
  void expect_a_job_to_work() {
    const auto& job = run_job({"echo all is well"});
    EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
    EXPECT_THAT(plain_text(job.trace), HasSubstr("all is well\n"));
    wait_until_settled();
  }

 private:
  std::filesystem::path filler() const { return state() / "filler"; }
};

TEST_F(StateDirectory, Fault46_ReadOnlyAtTheFirstStartItIsNamed) {
  set_read_only(true);
  expect_no_start("Read-only file system");
  set_read_only(false);
  start();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_ReadOnlyAtALaterStartItIsNamed) {
  start();
  expect_a_job_to_work();
  EXPECT_EQ(end(SIGQUIT), 0);
  set_read_only(true);
  expect_no_start("Read-only file system");
  set_read_only(false);
  start();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_FullAtTheFirstStartItIsNamed) {
  fill();
  expect_no_start("No space left on device");
  make_room();
  start();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_FullWhenAJobComesTheJobFailsAndTheNextOneWorks) {
  start();
  expect_a_job_to_work();
  fill();
  const auto& job = run_job({"echo never"});
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(log(), HasSubstr("No space left on device"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("No space left on device"));
  EXPECT_EQ(journals(), 0u);
  EXPECT_TRUE(is_running());
  make_room();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_FullWhileAJobRunsItEndsWithTheReason) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"echo so far; sleep 2; i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo \"line $i\"; sleep "
       "0.1; done",
       "echo never"}));
  wait_for_output(id, "so far\n");
  fill();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_EQ(job.wrong_checksums, 0);
  EXPECT_THAT(plain_text(job.trace), AllOf(HasSubstr("so far\n"), Not(HasSubstr("never\n"))));
  EXPECT_THAT(log(), HasSubstr("No space left on device"));
  EXPECT_TRUE(is_running());
  make_room();
  wait_until_settled();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_ALogThatDoesNotFitEndsItsJobAlone) {
  start();
  const auto& job =
      run_job({"i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo \"line $i of a log "
               "that is larger than the file system\"; done; sleep 1000"});
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_EQ(job.wrong_checksums, 0);
  const auto log_text = plain_text(job.trace);
  std::string first;
  for (int i = 1; i <= 2000; ++i)
    first += fmt::format("line {} of a log that is larger than the file system\n", i);
  EXPECT_THAT(log_text, HasSubstr(first));
  EXPECT_THAT(log(), HasSubstr("cannot write the log spool"));
  // The journal's removal makes the room.
  wait_until_settled();
  expect_a_job_to_work();
}

TEST_F(StateDirectory, Fault46_FullOverARestartTheJobStillEndsForTheCoordinator) {
  start();
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script({"echo so far; while :; do echo and on; sleep 0.1; done"}));
  wait_for_output(id, "so far\n");
  kill();
  fill();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("so far\n"));
  EXPECT_TRUE(is_running()) << log();
  make_room();
  wait_until_settled();
  expect_a_job_to_work();
}

}  // namespace
}  // namespace slipway::tests
