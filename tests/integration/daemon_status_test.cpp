// What the daemon tells of itself while it works: metrics, pages, `slipway status`.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runner/status.hpp"
#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class DaemonStatus : public DaemonJobs {
 protected:
  /// What `slipway status` prints, and its exit code.
  std::pair<std::string, int> status(const std::string& flags = "2>&1") const {
    const auto command = fmt::format("'{}/slipway' status --config '{}' {}",
                                     std::getenv("SLIPWAY_BIN_DIR"), config_path_.string(), flags);
    auto* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return {"no pipe", -1};
    std::string text;
    std::array<char, 4096> part;
    while (const auto size = std::fread(part.data(), 1, part.size(), pipe))
      text.append(part.data(), size);
    const int ended = ::pclose(pipe);
    return {text, WIFEXITED(ended) ? WEXITSTATUS(ended) : -1};
  }
  runner::Status parsed_status() const {
    return runner::parse_status(status("--json 2>/dev/null").first);
  }
  /// The address of the metrics, once the daemon has said it.
  std::string metrics_address() {
    const std::string mark = "Metrics server listening";
    pump_until([&] { return log().find(mark) != std::string::npos; });
    const auto text = log();
    const auto at = text.find("address=", text.rfind(mark)) + 8;
    return text.substr(at, text.find_first_of(" \n", at) - at);
  }
  std::string page(const std::string& path) {
    const auto address = metrics_address();
    const auto colon = address.rfind(':');
    asio::ip::tcp::iostream stream{address.substr(0, colon), address.substr(colon + 1)};
    stream << "GET " << path << " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
           << std::flush;
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
};

TEST_F(DaemonStatus, TellsOfAJobWhileItRunsAndAfterwards) {
  globals = "listen_address = \"127.0.0.1:0\"\n";
  start();
  EXPECT_THAT(page("/health/ready"), HasSubstr("200 OK"));
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 4"}));
  wait_for_output(id, "started");
  EXPECT_THAT(
      page("/metrics"),
      AllOf(HasSubstr("state=\"running\",stage=\"step_script\",executor_stage=\"docker_run\"} 1"),
            HasSubstr("slipway_reaper_pending 0\n"), HasSubstr("process_resident_memory")));
  EXPECT_THAT(page("/debug/jobs/list"), HasSubstr(fmt::format("id={} project=1", id)));
  pump(1500ms);
  const auto now = parsed_status();
  EXPECT_EQ(now.pid, pid_);
  ASSERT_EQ(now.jobs.size(), 1u);
  EXPECT_EQ(now.jobs.front().id, id);
  EXPECT_EQ(now.jobs.front().phase, "staged");
  EXPECT_FALSE(now.jobs.front().adopted);
  ASSERT_TRUE(now.disk);
  EXPECT_GT(now.disk->total_bytes, now.disk->free_bytes);
  const auto [text, code] = status();
  EXPECT_EQ(code, 0);
  EXPECT_THAT(text, AllOf(HasSubstr("slipway: Service is running"),
                          HasSubstr(fmt::format("job {} project 1 staged", id))));
  EXPECT_EQ(wait_for_end(id).state, JobState::success);
  wait_until_settled();
  pump_until([&] { return parsed_status().jobs.empty(); });
  EXPECT_THAT(page("/metrics"), AllOf(HasSubstr("slipway_jobs_ended_total{result=\"success\"} 1"),
                                      HasSubstr("gitlab_runner_jobs_total{")));
  EXPECT_THAT(text + page("/metrics"), Not(HasSubstr(config.runners.front().token.reveal())));
  EXPECT_EQ(end(SIGQUIT), 0) << log();
  const auto [after, stopped] = status();
  EXPECT_EQ(stopped, 1);
  EXPECT_THAT(after, HasSubstr("Service has stopped"));
}

TEST_F(DaemonStatus, AnAdoptedJobIsTold) {
  globals = "listen_address = \"127.0.0.1:0\"\n";
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 3"}));
  wait_for_output(id, "started");
  kill();
  start();
  pump_until([&] { return !parsed_status().jobs.empty() && parsed_status().jobs.front().adopted; });
  EXPECT_THAT(page("/metrics"), HasSubstr("slipway_jobs_resumed_total{how=\"adopted\"} 1"));
  EXPECT_EQ(wait_for_end(id).state, JobState::success);
  wait_until_settled();
}

TEST_F(DaemonStatus, WithoutRoomOnTheEnginesDiskNoJobIsTaken) {
  settings = "disk_high = \"off\"\ndisk_floor = \"99%\"";
  start();
  pump_until(
      [&] { return log().find("no jobs are taken until there is room") != std::string::npos; });
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"true"}));
  pump(3s);
  EXPECT_EQ(gitlab().job(id).state, JobState::pending);
  ASSERT_TRUE(parsed_status().disk);
  EXPECT_TRUE(parsed_status().disk->polling_paused);
  EXPECT_THAT(status().first, HasSubstr("no jobs are asked for"));
  EXPECT_EQ(end(SIGQUIT), 0);
}

TEST_F(DaemonStatus, AnAddressThatIsNoneEndsItAtOnce) {
  globals = "listen_address = \"300.0.0.1:1\"\n";
  start();
  pump_until([&] { return !is_running(); });
  EXPECT_THAT(log(), HasSubstr("300.0.0.1"));
}

}  // namespace
}  // namespace slipway::tests
