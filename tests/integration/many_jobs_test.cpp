// A daemon that finds many jobs of an earlier process.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "docker_api/client.hpp"
#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto limit = 10s;
constexpr int adopted_jobs = 35;
constexpr int broken_jobs = 10;    ///< whose containers vanish
constexpr int forgotten_jobs = 5;  ///< whose journals vanish

class ManyJobs : public DaemonJobs {
 protected:
  using Containers = std::map<std::string, std::string>;

  /// Id of the build container by job key.
  Containers containers() {
    auto found = std::make_shared<Containers>();
    const auto label = "io.slipway.state=" + state_id();
    run([label, found](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string filter,
                std::shared_ptr<Containers> out) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(filter)};
        const auto list = co_await client.list_containers(labels);
        for (const auto& container : list)
          if (container.labels.contains("io.slipway.job"))
            (*out)[container.labels.at("io.slipway.job")] = container.id;
      }(engine, label, found);
    });
    return *found;
  }
  void remove(std::vector<std::string> ids) {
    run([ids](docker_api::Client& engine) -> asio::awaitable<void> {
      return
          [](docker_api::Client& client, std::vector<std::string> list) -> asio::awaitable<void> {
            for (const auto& id : list) co_await client.remove_container(id, true, true);
          }(engine, ids);
    });
  }
  std::size_t count_in_log(const std::string& text) const {
    const auto all = log();
    std::size_t count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }
};

TEST_F(ManyJobs, FiftyJournalsAreTakenUpWithinTenSeconds) {
  concurrent = adopted_jobs + broken_jobs + forgotten_jobs;
  start();
  std::vector<std::int64_t> ids;
  for (int i = 0; i < concurrent; ++i) {
    ids.push_back(gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 1000"})));
  }
  for (const auto id : ids) {
    const auto& job = gitlab().job(id);
    ASSERT_TRUE(pump_until([&] { return job.trace.find("started") != std::string::npos; }, 120s));
  }
  kill();

  auto left = containers();
  ASSERT_EQ(left.size(), static_cast<std::size_t>(concurrent));
  std::vector<std::string> victims;
  auto at = left.begin();
  for (int i = 0; i < broken_jobs; ++i) victims.push_back((at++)->second);
  remove(victims);
  for (int i = 0; i < forgotten_jobs; ++i) fs::remove_all(state() / "jobs" / (at++)->first);

  const auto begin = std::chrono::steady_clock::now();
  start();
  const auto taken_up = [&] {
    const auto done = count_in_log("job adopted") + count_in_log("job finished");
    return done >= static_cast<std::size_t>(concurrent - forgotten_jobs);
  };
  EXPECT_TRUE(pump_until(taken_up, 30s));
  EXPECT_TRUE(
      pump_until([&] { return count_in_log("removing what jobs of an earlier") > 0; }, 30s));
  EXPECT_TRUE(pump_until([&] { return containers().size() <= adopted_jobs; }, 30s));
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took, limit);
  RecordProperty("milliseconds", static_cast<int>(took / 1ms));
  fmt::print("50 journals were taken up within {} ms\n", took / 1ms);

  // That they were taken up was told in time; GitLab hears of their ends a moment later.
  const auto failed = [&] {
    return std::ranges::count_if(ids, [&](std::int64_t id) {
      return gitlab().job(id).failure_reason == "runner_system_failure";
    });
  };
  EXPECT_TRUE(pump_until([&] { return failed() >= broken_jobs; }, 30s));
  for (const auto id : ids) gitlab().cancel(id, false);
  EXPECT_EQ(failed(), broken_jobs);
  wait_until_settled();
  int canceled = 0;
  for (const auto id : ids) canceled += gitlab().job(id).state == JobState::canceled ? 1 : 0;
  // Of a forgotten job nobody knows any more: the coordinator ends it.
  EXPECT_EQ(canceled, adopted_jobs + forgotten_jobs);
}

}  // namespace
}  // namespace slipway::tests
