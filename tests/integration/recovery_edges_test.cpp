// Moments at which a daemon's end is least convenient.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "docker_api/client.hpp"
#include "runner/journal.hpp"
#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

class RecoveryEdges : public DaemonJobs {
 protected:
  void remove_containers() {
    run([label = "io.slipway.state=" +
                 state_id()](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string filter) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(filter)};
        const auto found = co_await client.list_containers(labels);
        for (const auto& container : found)
          co_await client.remove_container(container.id, true, true);
      }(engine, label);
    });
  }
  /// A service that takes four seconds to be up.
  static local::ServiceSpec slow_service() {
    local::ServiceSpec service{"busybox:latest", "web"};
    service.command = {"sh", "-c", "sleep 4; while true; do nc -l -p 80; done"};
    service.variables["HEALTHCHECK_TCP_PORT"] = "80";
    return service;
  }
  fs::path only_journal() const {
    for (const auto& entry : fs::directory_iterator{state() / "jobs"})
      return entry.path() / "journal";
    return {};
  }
};

TEST_F(RecoveryEdges, Fault43_KilledAgainAndAgainWhileItTakesOver) {
  const auto sha = make_repository({{"file", "content\n"}});
  start();
  const auto id = gitlab().enqueue(
      JobBuilder{}
          .image(image)
          .git("demo/project", "main", sha)
          .service("busybox:latest", "web")
          .script({"i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo \"line $i\"; sleep 0.1; done"}));
  wait_for_output(id, "line 5\n");
  for (const auto after : {20ms, 50ms, 90ms, 140ms, 200ms, 300ms, 450ms}) {
    kill();
    start();
    pump(after);
  }
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
  std::string lines;
  for (int i = 1; i <= 60; ++i) lines += fmt::format("line {}\n", i);
  EXPECT_THAT(plain_text(job.trace), HasSubstr(lines));
  EXPECT_EQ(job.wrong_checksums, 0);
  wait_until_settled();
}

TEST_F(RecoveryEdges, ASigtermRightAfterTheStartEndsEvenJobsThatWait) {
  start();
  const auto id =
      gitlab().enqueue(JobBuilder{}.image(image).service(slow_service()).script({"echo line 1"}));
  wait_for_output(id, "Waiting for services");
  kill();
  for (const auto after : {1ms, 30ms, 60ms, 100ms, 150ms, 250ms}) {
    start();
    pump(after);
    const auto code = end(SIGTERM);
    // Until it looks at signals, the first one ends it.
    EXPECT_TRUE(code == 0 || code == -SIGTERM) << code << " after " << after / 1ms << " ms";
  }
  start();
  const auto& job = wait_for_end(id);
  EXPECT_TRUE(local::is_final(job.state));
  wait_until_settled();
}

TEST_F(RecoveryEdges, AnOutcomeThatIsKnownCountsThoughTheContainersAreGone) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo line 1", "exit 3"})
                                       .after_script({"echo after it; sleep 1000"}));
  wait_for_output(id, "after it");
  kill();
  remove_containers();
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.failure_reason, "script_failure") << plain_text(job.trace);
  EXPECT_EQ(job.exit_code, 3);
  wait_until_settled();
}

TEST_F(RecoveryEdges, AJournalOfAJobThatIsOverGoesAtOnce) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo line 1; sleep 2"}));
  wait_for_output(id, "line 1");
  const auto kept = scratch() / "kept";
  fs::create_directory(kept);
  // In this order: the log may be longer than the journal says, not shorter.
  for (const auto* name : {"journal", "trace"})
    fs::copy_file(only_journal().parent_path() / name, kept / name);
  EXPECT_EQ(wait_for_end(id).state, JobState::success);
  wait_until_settled();
  kill();

  for (const auto* name : {"one", "two", "three"}) {
    const auto directory = state() / "jobs" / name;
    fs::copy(kept, directory);
    auto left = runner::Journal::Left::open(directory);
    ASSERT_TRUE(left);
    left->state.phase = runner::Phase::ended;
    left->state.final_update.emplace().state = "success";
    left->state.delivered = left->state.cleaned = true;
    left->journal.save(left->state);
  }
  start();
  wait_until_settled();
  const auto next = gitlab().enqueue(JobBuilder{}.image(image).script({"echo line 2"}));
  EXPECT_EQ(wait_for_end(next).state, JobState::success);
  EXPECT_EQ(end(SIGQUIT), 0) << log();
}

TEST_F(RecoveryEdges, ACancellationThatComesWhileAJobIsTakenOverIsGraceful) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}
                                       .image(image)
                                       .script({"echo line 1; sleep 1000"})
                                       .after_script({"echo after it"}));
  wait_for_output(id, "line 1");
  kill();
  gitlab().cancel(id, true);
  start();
  const auto& job = wait_for_end(id);
  EXPECT_EQ(job.state, JobState::canceled);
  EXPECT_THAT(plain_text(job.trace), HasSubstr("\nafter it\n"));
  wait_until_settled();
}

TEST_F(RecoveryEdges, Fault15_AnEndThatNobodyTakesDoesNotKeepTheProcessFromEnding) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo line 1; sleep 1"}));
  wait_for_output(id, "line 1");
  gitlab().set_presence(local::Presence::refusing);
  pump(3s);
  kill();
  start();
  pump(4s);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(end(SIGTERM), 0) << log();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(journals(), 1u);
  gitlab().set_presence(local::Presence::there);
  start();
  EXPECT_EQ(wait_for_end(id).state, JobState::success);
  wait_until_settled();
}

}  // namespace
}  // namespace slipway::tests
