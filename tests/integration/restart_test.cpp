// The daemon is killed or stopped while jobs are under way, and started again.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runner/journal.hpp"
#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// A script that prints `line 1` … `line <count>`, ten a second, and exits with `code`.
std::vector<std::string> counting(int count, int code = 0) {
  return {fmt::format("i=0; while [ $i -lt {} ]; do i=$((i+1)); echo \"line $i\"; sleep 0.1; done",
                      count),
          fmt::format("exit {}", code)};
}

/// Every line of counting(), once and in order.
std::string counted(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += fmt::format("line {}\n", i);
  return text;
}

std::string counted_lines(const std::string& trace) {
  std::string lines;
  std::istringstream in{plain_text(trace)};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("line ")) lines += line + "\n";
  return lines;
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

class Restart : public DaemonJobs {
 protected:
  /// Removes the containers of our jobs behind the daemon's back.
  void remove_containers() {
    run([this](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string label) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(label)};
        const auto found = co_await client.list_containers(labels);
        EXPECT_FALSE(found.empty());
        for (const auto& container : found)
          co_await client.remove_container(container.id, true, true);
      }(engine, "io.slipway.state=" + state_id());
    });
  }
};

TEST_F(Restart, Fault43_AKilledDaemonGoesOnWithTheScript) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(counting(40, 3)));
  wait_for_output(id, "line 10\n");
  kill();
  pump(1s);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 3);
  EXPECT_EQ(job.wrong_checksums, 0);
  EXPECT_EQ(counted_lines(job.trace), counted(40)) << job.trace;
  EXPECT_EQ(occurrences(job.trace, "section_start:"), occurrences(job.trace, "section_end:"));
  EXPECT_THAT(plain_text(job.trace), Not(HasSubstr("restarted")));
  wait_until_settled();
}

TEST_F(Restart, Fault43_AScriptThatEndedMeanwhileIsReportedAsItEnded) {
  start();
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).script(counting(15)).after_script({"echo after it"}));
  wait_for_output(id, "line 3\n");
  kill();
  pump(4s);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(counted_lines(job.trace), counted(15)) << job.trace;
  EXPECT_EQ(occurrences(plain_text(job.trace), "\nafter it\n"), 1u);
  wait_until_settled();
}

TEST_F(Restart, Fault43_KilledTwiceWithMuchOutput) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo \"line $i\"; "
       "[ $((i % 3000)) = 0 ] && sleep 0.5; done; true"}));
  wait_for_output(id, "line 3000\n");
  kill();
  start();
  wait_for_output(id, "line 15000\n");
  kill();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace).substr(0, 2000);
  EXPECT_EQ(counted_lines(job.trace), counted(30000));
  EXPECT_EQ(job.wrong_checksums, 0);
  wait_until_settled();
}

TEST_F(Restart, Fault43_KilledWhileSourcesAreFetched) {
  const auto sha = make_repository({{"file", "content\n"}});
  start();
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .git("demo/project", "main", sha)
                                       .variable("GIT_STRATEGY", "fetch")
                                       .script({"cat file", "echo line 1"}));
  wait_for_output(id, "Getting source from Git repository");
  kill();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_EQ(occurrences(plain_text(job.trace), "\nline 1\n"), 1u);
  EXPECT_EQ(occurrences(plain_text(job.trace), "Getting source from Git repository"), 1u);
  wait_until_settled();
}

TEST_F(Restart, Fault43_KilledWhileItPreparesTheJobBeginsAgain) {
  local::ServiceSpec slow{"busybox:latest", "web"};
  slow.command = {"sh", "-c", "sleep 4; while true; do nc -l -p 80; done"};
  slow.variables["HEALTHCHECK_TCP_PORT"] = "80";
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).service(slow).script({"echo line 1"}));
  wait_for_output(id, "Waiting for services");
  kill();
  start();
  const auto& job = wait_for_end(id, 90s);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("slipway was restarted while it prepared this job"));
  EXPECT_EQ(counted_lines(job.trace), "line 1\n");
  wait_until_settled();
}

TEST_F(Restart, Fault43_ContainersThatAreGoneEndTheJobWithTheReasonAndItsLog) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(counting(1000)));
  wait_for_output(id, "line 10\n");
  kill();
  remove_containers();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "runner_system_failure");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("line 10\n"));
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Job failed (system failure): "));
  wait_until_settled();
}

TEST_F(Restart, Fault43_E15_AScriptWhoseContainerIsGoneRunsAgainIfTheJobWants) {
  start();
  const auto sha = make_repository({{"file", "content\n"}});
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .git("demo/project", "main", sha)
          .variable("EXECUTOR_JOB_SECTION_ATTEMPTS", "2")
          .script({"if [ -e /builds/second ]; then cat file; else touch /builds/second; echo first "
                   "run; sleep 1000; fi"}));
  wait_for_output(id, " first run\n");
  kill();
  remove_containers();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  const auto log = plain_text(job.trace);
  EXPECT_THAT(log, HasSubstr("not found or removed. Will retry..."));
  EXPECT_THAT(log, HasSubstr("Retrying step_script"));
  EXPECT_THAT(log, HasSubstr("content\n"));
  EXPECT_EQ(occurrences(log, "\nfirst run\n"), 1u);
  wait_until_settled();
}

TEST_F(Restart, Fault15_TheEndOfAJobSurvivesACoordinatorThatIsAwayAndARestart) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(counting(20)));
  wait_for_output(id, "line 5\n");
  gitlab().set_presence(local::Presence::refusing);
  pump(4s);
  kill();
  start();
  pump(3s);
  kill();
  start();
  pump(2s);
  EXPECT_FALSE(local::is_final(gitlab().job(id).state));
  gitlab().set_presence(local::Presence::there);
  const auto& job = wait_for_end(id, 90s);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(counted_lines(job.trace), counted(20)) << job.trace;
  EXPECT_EQ(job.wrong_checksums, 0);
  wait_until_settled();
}

/// What is left of a job's runner once it is taken out of the configuration.
class RemovedRunner : public Restart {
 protected:
  /// A job is under way when the daemon is killed and `change` made; it ends as if nothing had
  /// been.
  std::int64_t adopted_after(const std::function<void()>& change) {
    start();
    const auto id = gitlab().enqueue(
        JobBuilder{}.image(image).script(counting(40, 3)).after_script({"echo after it"}));
    wait_for_output(id, "line 10\n");
    kill();
    change();
    start();
    const auto& job = wait_for_end(id);
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_EQ(job.failure_reason, "script_failure");
    EXPECT_EQ(job.exit_code, 3);
    EXPECT_EQ(job.wrong_checksums, 0);
    EXPECT_EQ(counted_lines(job.trace), counted(40)) << job.trace;
    EXPECT_EQ(occurrences(plain_text(job.trace), "\nafter it\n"), 1u);
    wait_until_settled();
    return id;
  }
};

TEST_F(RemovedRunner, Fault47_ItsJobEndsAsIfNothingHadBeen) {
  const auto id = adopted_after([this] {
    auto& runner = config.runners.front();
    runner.token = util::Secret{"glrt-another-runner"};
    gitlab().add_runner(runner.token);
    write_config();
  });
  const auto next = gitlab().enqueue(JobBuilder{}.image(image).script({"echo line 1"}));
  EXPECT_EQ(wait_for_end(next).state, JobState::success);
  EXPECT_NE(gitlab().job(next).runner_id, gitlab().job(id).runner_id);
  wait_until_settled();
}

TEST_F(RemovedRunner, Fault47_SoDoesThatOfTheLastRunner) {
  adopted_after([this] { std::ofstream{config_path_} << "concurrent = 1\n"; });
  // Then there is nothing left for the daemon to do.
  EXPECT_EQ(wait_for_exit(), 0) << log();
  EXPECT_THAT(log(), HasSubstr("only the jobs of an earlier process are brought to their end"));
}

TEST_F(Restart, TheTimeoutGoesOnWhileNobodyIsThere) {
  start();
  const auto id =
      gitlab().enqueue(JobBuilder{}.image(image).timeout(5).script({"echo line 1; sleep 1000"}));
  wait_for_output(id, "line 1");
  kill();
  pump(4s);
  start();
  const auto& job = wait_for_end(id, 20s);
  EXPECT_EQ(job.failure_reason, "job_execution_timeout");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("execution took longer than 5s seconds"));
  wait_until_settled();
}

TEST_F(Restart, AnAdoptedJobCanBeCancelledAndRunsItsAfterScript) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo line 1; sleep 1000"})
                                       .after_script({"echo after it"}));
  wait_for_output(id, "line 1");
  kill();
  start();
  pump(2s);
  gitlab().cancel(id, true);
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::canceled);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("\nafter it\n"));
  wait_until_settled();
}

TEST_F(Restart, WithOnStopAdoptARestartLosesNoneOfTenJobs) {
  concurrent = 10;
  settings = "on_stop = \"adopt\"";
  start();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 10; ++i)
    ids.push_back(gitlab().enqueue(JobBuilder{}.image(image).script(counting(100))));
  for (const auto id : ids) wait_for_output(id, "line 5\n");
  EXPECT_EQ(end(SIGTERM), 0) << log();
  EXPECT_EQ(journals(), 10u);
  start();
  for (const auto id : ids) {
    const auto& job = wait_for_end(id, 90s);
    EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
    EXPECT_EQ(counted_lines(job.trace), counted(100));
  }
  wait_until_settled();
}

TEST_F(Restart, AJournalOfANewerVersionIsLeftAloneAndItsContainersRunOn) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(counting(80)));
  wait_for_output(id, "line 5\n");
  kill();
  const auto directory = std::filesystem::directory_iterator {
    state() / "jobs"
    } -> path();
  const auto journal = directory / "journal";
  const auto kept = scratch() / "kept";
  std::filesystem::rename(journal, kept);
  std::ofstream{journal} << runner::journal_line(R"({"version":99,"program":"slipway 99"})");
  start();
  pump(3s);
  EXPECT_THAT(log(), HasSubstr("written by a newer version, slipway 99"));
  kill();
  std::filesystem::rename(kept, journal);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(counted_lines(job.trace), counted(80));
  wait_until_settled();
}

TEST_F(Restart, Fault43_AnUploadGoesOnWithoutTheDaemon) {
  start();
  gitlab().faults().delay_next(local::Endpoint::upload_artifacts, 4s);
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).artifacts({"f"}).script({"head -c 2000000 /dev/urandom > f"}));
  wait_for_output(id, "Uploading artifacts...");
  pump(500ms);
  kill();
  pump(1s);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_EQ(job.artifacts.size(), 1u);
  EXPECT_EQ(occurrences(job.trace, "Uploading artifacts..."), 1u) << job.trace;
  EXPECT_EQ(job.wrong_checksums, 0);
  wait_until_settled();
}

TEST_F(Restart, Fault15_43_ArtifactsOutlastCoordinatorAndDaemon) {
  start();
  const auto id = gitlab().enqueue(
      JobBuilder{}.image(image).artifacts({"f"}).script({"echo kept > f; echo made; sleep 2"}));
  wait_for_output(id, "made\n");
  gitlab().set_presence(local::Presence::refusing);
  // All tries of an upload are in vain meanwhile.
  pump(12s);
  kill();
  start();
  pump(3s);
  gitlab().set_presence(local::Presence::there);
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  EXPECT_EQ(job.artifacts.size(), 1u);
  EXPECT_EQ(occurrences(job.trace, "The coordinator did not answer"), 1u) << job.trace;
  EXPECT_EQ(job.wrong_checksums, 0);
  wait_until_settled();
}

}  // namespace
}  // namespace slipway::tests
