// A coordinator that is away while a job is under way, with the real Engine. Numbers after `Fault`
// are those of the list of faults that the daemon must bear.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/integration/docker_jobs.hpp"

namespace slipway::tests {
namespace {

using local::Endpoint;
using local::FaultPoint;
using local::JobBuilder;
using local::JobState;
using local::Presence;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// Prints `line 1` to `line <count>`, one every `pause` seconds.
std::string counting(int count, const char* pause) {
  return fmt::format("i=1; while [ $i -le {} ]; do echo line $i; i=$((i+1)); sleep {}; done", count,
                     pause);
}

class CoordinatorLoss : public DockerJobs {
 protected:
  /// Runs everything until `condition` holds; fails the test past `limit`.
  template <class Condition>
  void run_all_until(Condition condition, const char* what, std::chrono::seconds limit = 60s) {
    const auto until = std::chrono::steady_clock::now() + limit;
    io().restart();
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "no end of waiting: " << what;
      io().run_one_for(20ms);
    }
  }
  void run_all_for(std::chrono::milliseconds time) {
    io().restart();
    io().run_for(time);
  }

  /// Runs until the runner has been handed the job, and has not said a word about it yet.
  void run_until_handed_out() {
    start_service();
    run_all_until(
        [this] {
          const auto& calls = gitlab().calls();
          return std::any_of(calls.begin(), calls.end(), [](const auto& call) {
            return call.endpoint == Endpoint::request_job && call.status == 201;
          });
        },
        "hand-out");
  }

  void run_until_text(std::int64_t id, const std::string& text) {
    run_until(id, [text](const auto& job) { return job.trace.find(text) != std::string::npos; });
  }

  /// The lines `line 1` … `line <count>` are in the log in order and once each, nothing of it is
  /// torn, and one final state was taken.
  static void expect_whole(const local::JobRecord& job, int count) {
    const auto log = plain_text(job.trace);
    static const std::regex number{"(^|\n)line (\\d+)(?=\n)"};
    std::vector<int> seen;
    for (auto it = std::sregex_iterator(log.begin(), log.end(), number);
         it != std::sregex_iterator(); ++it)
      seen.push_back(std::stoi((*it)[2]));
    std::vector<int> want;
    for (int i = 1; i <= count; ++i) want.push_back(i);
    EXPECT_EQ(seen, want) << log;
    // The last final PUT named size and checksum of what the coordinator has put together.
    EXPECT_EQ(job.wrong_checksums, 0);
    const auto taken = std::count_if(
        job.updates.begin(), job.updates.end(),
        [](const auto& update) { return update.status == 200 && update.state != "running"; });
    EXPECT_EQ(taken, 1);
    const auto last = std::find_if(job.updates.begin(), job.updates.end(), [](const auto& update) {
      return update.status == 200 && update.state != "running";
    });
    ASSERT_NE(last, job.updates.end());
    EXPECT_EQ(last->bytesize.value_or(0), job.trace.size());
    EXPECT_FALSE(last->checksum.empty());
  }

  std::int64_t enqueue(const std::string& script) {
    return gitlab().enqueue(JobBuilder{}.image(image).script({script}).build());
  }
};

struct AwayCase {
  const char* name;
  Presence presence;
};
void PrintTo(const AwayCase& c, std::ostream* out) {
  *out << c.name;
}

/// Every test of it once per way of being away.
class CoordinatorAway : public CoordinatorLoss, public testing::WithParamInterface<AwayCase> {
 protected:
  void leave() { gitlab().set_presence(GetParam().presence); }
  void come_back() { gitlab().set_presence(Presence::there); }
};

INSTANTIATE_TEST_SUITE_P(Ways, CoordinatorAway,
                         testing::Values(AwayCase{"Refuses", Presence::refusing},
                                         AwayCase{"Hangs", Presence::hanging},
                                         AwayCase{"Fails", Presence::failing},
                                         AwayCase{"LosesAnswers", Presence::losing_answers}),
                         [](const auto& info) { return info.param.name; });

TEST_P(CoordinatorAway, Fault15OverTheStartOfTheJob) {
  const auto id = enqueue(counting(5, "0.2"));
  run_until_handed_out();
  leave();
  run_all_for(2500ms);
  come_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success);
  expect_whole(job, 5);
}

TEST_P(CoordinatorAway, Fault15OverTheMiddleOfTheJob) {
  const auto id = enqueue(counting(14, "0.25"));
  run_until_text(id, "line 3");
  leave();
  run_all_for(2500ms);
  come_back();
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success);
  expect_whole(job, 14);
}

TEST_P(CoordinatorAway, Fault15OverTheEndOfTheJob) {
  const auto id = enqueue(counting(6, "0.3") + "; exit 7");
  run_until_text(id, "line 2");
  leave();
  run_all_for(4500ms);
  come_back();
  const auto& job = run_until_finished(id, 90s);
  EXPECT_EQ(job.reported_state, "failed");
  EXPECT_EQ(job.failure_reason, "script_failure");
  EXPECT_EQ(job.exit_code, 7);
  expect_whole(job, 6);
}

TEST_P(CoordinatorAway, Fault15OverTheWholeLifeOfTheJob) {
  const auto id = enqueue(counting(6, "0.2"));
  run_until_handed_out();
  leave();
  const bool answers_lost = GetParam().presence == Presence::losing_answers;
  run_all_for(GetParam().presence == Presence::hanging ? 17s : 6s);
  const auto patches = gitlab().job(id).patches.size();
  if (!answers_lost) {
    EXPECT_EQ(patches, 0u);
    EXPECT_EQ(gitlab().job(id).state, JobState::pending);
  }
  come_back();
  const auto& job = run_until_finished(id, 90s);
  EXPECT_EQ(job.state, JobState::success);
  expect_whole(job, 6);
}

TEST_F(CoordinatorLoss, Fault09ACoordinatorThatForgotItsLastPieceIsGivenItAgain) {
  const auto id = enqueue(counting(12, "0.3"));
  run_until_text(id, "line 4");
  gitlab().cut_trace(id, gitlab().job(id).trace.size() / 2);
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_TRUE(std::any_of(job.patches.begin(), job.patches.end(),
                          [](const auto& patch) { return patch.status == 416; }));
  expect_whole(job, 12);
}

TEST_F(CoordinatorLoss, Fault10APatchWhoseAnswerIsLostIsNotDoubled) {
  gitlab().faults().drop_next(Endpoint::patch_trace, FaultPoint::after_processing, 4);
  const auto id = enqueue(counting(12, "0.3"));
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(gitlab().faults().pending(), 0u);
  expect_whole(job, 12);
}

TEST_F(CoordinatorLoss, Fault14TheLogIsResetWhenItIsChecked) {
  bool reset = false;
  const auto id = enqueue(counting(5, "0.2"));
  gitlab().faults().set_hook(
      Endpoint::finish_job,
      [&](const net::Request&, std::string_view) -> std::optional<local::Answer> {
        if (std::exchange(reset, true)) return std::nullopt;
        gitlab().cut_trace(id, 0);
        local::Answer answer;
        answer.status = 412;
        return answer;
      });
  const auto& job = run_until_finished(id);
  EXPECT_TRUE(reset);
  EXPECT_EQ(job.state, JobState::success);
  expect_whole(job, 5);
}

TEST_F(CoordinatorLoss, Fault14AStateThatIsNotTakenYetIsSentAgain) {
  gitlab().faults().fail_next(Endpoint::finish_job, 202, 2);
  const auto id = enqueue(counting(3, "0"));
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(gitlab().faults().pending(), 0u);
  expect_whole(job, 3);
}

TEST_F(CoordinatorLoss, Fault15AFinalStateWhoseAnswerIsLostIsTakenOnce) {
  gitlab().faults().drop_next(Endpoint::finish_job, FaultPoint::after_processing, 1);
  const auto id = enqueue(counting(3, "0"));
  const auto& job = run_until_finished(id);
  let_jobs_settle();
  EXPECT_EQ(job.state, JobState::success);
  EXPECT_EQ(gitlab().faults().pending(), 0u);
  expect_whole(job, 3);
}

TEST_F(CoordinatorLoss, ACoordinatorThatHangsDoesNotStopTheJobsOwnWork) {
  const auto id = enqueue(counting(100, "0.2"));
  run_until_text(id, "line 1");
  gitlab().set_presence(Presence::hanging);
  // Its container's end is seen at the Engine, not by the coordinator.
  const auto label = "io.slipway.state=" + service().state_id();
  service().abort("terminated");
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    run_all_for(200ms);
    run([&](docker_api::Client& engine) {
      return
          [](docker_api::Client& client, std::string state, bool* none) -> asio::awaitable<void> {
            const std::vector<std::string> labels{std::move(state)};
            const auto containers = co_await client.list_containers(labels);
            *none = containers.empty();
          }(engine, label, &gone);
    });
  }
  EXPECT_TRUE(gone);
  gitlab().set_presence(Presence::there);
  const auto& job = run_until_finished(id);
  EXPECT_EQ(job.failure_reason, "runner_interrupted");
  EXPECT_THAT(plain_text(job.trace), HasSubstr("Job failed: aborted: terminated"));
}

}  // namespace
}  // namespace slipway::tests
