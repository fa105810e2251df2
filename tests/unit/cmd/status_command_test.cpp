#include <sys/file.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cmd/slipway/state_location.hpp"
#include "cmd/slipway/status_text.hpp"
#include "command_test.hpp"
#include "runner/status.hpp"

namespace slipway::cmd {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

runner::Status some_status() {
  runner::Status status;
  status.pid = 4711;
  status.version = "0.1.0";
  status.started = 1000;
  status.state = "running";
  status.jobs = {{"abc-42-00ff", 42, 7, "staged", 99'000, true},
                 {"abc-4300-01ff", 4300, 7, "preparing", 99'990, false}};
  return status;
}

TEST(StatusText, IsATable) {
  const auto text = status_text(some_status(), {.now = 100'000, .age = {}, .running = true});
  EXPECT_EQ(text,
            "pid 4711, version 0.1.0, running, up 1d3h\n"
            "\nJobs: 2\n"
            "  job 42   project 7 staged    16m adopted abc-42-00ff\n"
            "  job 4300 project 7 preparing 10s         abc-4300-01ff\n");
}

TEST(StatusText, TellsWhatIsOwed) {
  auto status = some_status();
  status.jobs.clear();
  status.undelivered = {{"abc-41-02ff", 41, 7, "success", 92'000, "connect: refused"}};
  status.reaper_pending = 3;
  status.objects = {{"volume", "v", "k", 4, "volume is in use"}};
  status.disk = runner::Status::Disk{"/var/lib/docker", 10ull << 30, 512, 3 << 20, true};
  const auto text = status_text(status, {.now = 100'000, .age = {}, .running = true});
  EXPECT_THAT(text, HasSubstr("\nJobs: 0\n\nFinal states that GitLab has not taken yet: 1\n"
                              "  job 41 project 7 success 2h13m abc-41-02ff connect: refused\n"));
  EXPECT_THAT(text, HasSubstr("\nObjects that could not be removed yet: 3\n"
                              "  volume v tries 4 volume is in use\n  ... and 2 more\n"));
  EXPECT_THAT(text, HasSubstr("\nDisk /var/lib/docker: 512 B free of 10.0 GiB, 3.0 MiB freed; too "
                              "full, no jobs are asked for\n"));
}

TEST(StatusText, SaysWhenItIsOld) {
  const auto text = status_text(
      some_status(), {.now = 100'000, .age = std::chrono::seconds{130}, .running = false});
  EXPECT_THAT(text, AllOf(HasSubstr("so 2m ago, when pid 4711"), Not(HasSubstr("up 1d"))));
}

TEST(StatusText, LetsNothingReachTheTerminal) {
  auto status = some_status();
  status.version = "\033[2J";
  status.reaper_pending = 1;
  status.objects = {{"volume", "v\033]0;x\007", "", 1, std::string(5000, 'e') + "\r"}};
  const auto text = status_text(status, {.now = 100'000, .age = {}, .running = true});
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find('\007'), std::string::npos);
  EXPECT_LT(text.size(), 1000u);
}

TEST(StateLocation, IsWhereTheDaemonLooks) {
  config::Paths paths{"/etc/slipway/config.toml", "", "/var/lib/slipway"};
  config::Config config;
  EXPECT_EQ(state_location(config, paths, "/etc/slipway/config.toml"), "/var/lib/slipway");
  EXPECT_EQ(state_location(config, paths, "/home/me/config.toml"), "/home/me/state");
  config.slipway.state_dir = "/srv/state";
  EXPECT_EQ(state_location(config, paths, "/home/me/config.toml"), "/srv/state");
}

class StatusCommand : public CommandTest {
 protected:
  StatusCommand() {
    write_file("concurrent = 1\n[slipway]\nstate_dir = \"" + state().string() + "\"\n");
  }
  std::filesystem::path state() const { return directory / "own-state"; }
  /// As a daemon that has ended, or been killed, leaves its directory.
  void leave_state() const {
    std::filesystem::create_directories(state());
    std::ofstream{state() / "lock"};
    std::ofstream{state() / "status.json"} << runner::to_json(some_status());
  }
};

/// Holds the lock as a daemon does.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& path)
      : file_{::open(path.c_str(), O_RDWR | O_CLOEXEC)} {
    EXPECT_EQ(::flock(file_, LOCK_EX | LOCK_NB), 0);
  }
  ~Lock() { ::close(file_); }

 private:
  int file_;
};

TEST_F(StatusCommand, SaysThatItNeverRan) {
  const auto outcome = run({"status", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("slipway: Service has stopped (it never ran here)\n"));
}

TEST_F(StatusCommand, ShowsWhatAStoppedDaemonLeft) {
  leave_state();
  const auto outcome = run({"status", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("slipway: Service has stopped\nstate directory: " +
                                           state().string() + "\nWhat follows was so "),
                                 HasSubstr("job 42   project 7 staged")));
  // Looking takes nothing: the lock is free for a daemon.
  const Lock lock{state() / "lock"};
}

TEST_F(StatusCommand, ShowsARunningDaemon) {
  leave_state();
  const Lock lock{state() / "lock"};
  auto outcome = run({"status", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(testing::StartsWith("slipway: Service is running\n"),
                                 HasSubstr("pid 4711, version 0.1.0, running"),
                                 HasSubstr("job 42   project 7 staged")));
  EXPECT_THAT(run({"status", "-c", config, "-n", "other"}).out,
              testing::StartsWith("other: Service is running\n"));
}

TEST_F(StatusCommand, PrintsJson) {
  leave_state();
  auto outcome = run({"status", "-c", config, "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(runner::parse_status(outcome.out), some_status());
  std::filesystem::remove(state() / "status.json");
  outcome = run({"status", "-c", config, "--json"});
  EXPECT_EQ(outcome.out, "{}\n");
}

TEST_F(StatusCommand, RunsOnWithAStatusItCannotRead) {
  leave_state();
  const Lock lock{state() / "lock"};
  for (const auto* text : {"{\"format\": 99}", "half a fi", ""}) {
    std::ofstream{state() / "status.json", std::ios::trunc} << text;
    const auto outcome = run({"status", "-c", config});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Service is running"));
    if (*text != '\0') {
      EXPECT_THAT(outcome.err, HasSubstr("status.json cannot be shown: it"));
    }
  }
}

}  // namespace
}  // namespace slipway::cmd
