// Faults 45 and 51: the daemon's process runs out of file descriptors, or of memory.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/integration/daemon_jobs.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class FileLimit : public DaemonJobs {
 protected:
  void SetUp() override {
    DaemonJobs::SetUp();
    // The metrics' listener has to do without descriptors, too.
    write_config();
    std::ifstream file{config_path_};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::ofstream{config_path_} << "listen_address = \"127.0.0.1:0\"\n" << text;
  }

  /// Leaves the daemon so many descriptors more than it has open now.
  void leave_descriptors(std::size_t count) {
    std::set<rlim_t> open;
    for (const auto& entry : std::filesystem::directory_iterator{fmt::format("/proc/{}/fd", pid_)})
      open.insert(std::stoul(entry.path().filename().string()));
    rlim_t limit = 0;
    while (count > 0 || open.contains(limit)) {
      if (!open.contains(limit)) --count;
      ++limit;
    }
    set_limit(limit);
  }
  void lift_limit() { set_limit(1024); }

  /// Time that the daemon has used the processor.
  std::chrono::milliseconds processor_time() const {
    std::ifstream file{fmt::format("/proc/{}/stat", pid_)};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::istringstream fields{text.substr(text.rfind(')') + 2)};
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds{(user + system) * 1000 / ::sysconf(_SC_CLK_TCK)};
  }

  /// Serves the coordinator for so long, in which the daemon must not be busy.
  void expect_idle_for(std::chrono::milliseconds time) {
    const auto before = processor_time();
    pump(time);
    ASSERT_TRUE(is_running()) << log();
    EXPECT_LT(processor_time() - before, time / 3) << log();
  }

  /// Connects to the metrics' port; whether anybody answers is no matter.
  void ask_for_metrics() const {
    static const std::regex listening{"Metrics server listening +address=([0-9.:]+)"};
    const auto text = log();
    std::smatch match;
    ASSERT_TRUE(std::regex_search(text, match, listening)) << text;
    shell(fmt::format("curl -s -m 1 http://{}/metrics >/dev/null || true", match[1].str()));
  }

  JobBuilder job() const { return JobBuilder{}.image(image).script({"echo hello"}); }

 private:
  void set_limit(rlim_t soft) const {
    rlimit limit{};
    ASSERT_EQ(::prlimit(pid_, RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = soft;
    ASSERT_EQ(::prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr), 0);
  }
};

TEST_F(FileLimit, Fault45_AJobThatCannotBeRunEndsWithTheReasonOrIsRunLater) {
  start();
  const auto first = gitlab().enqueue(job());
  EXPECT_EQ(wait_for_end(first).state, JobState::success);
  int failed = 0;
  for (std::size_t left = 0; left <= 12; ++left) {
    SCOPED_TRACE(fmt::format("{} descriptors left", left));
    ASSERT_TRUE(pump_until([this] { return journals() == 0; }, 20s));
    ASSERT_TRUE(pump_until([this] { return gitlab().waiting_polls() == 1; }, 40s));
    leave_descriptors(left);
    const auto id = gitlab().enqueue(job());
    ask_for_metrics();
    expect_idle_for(1500ms);
    lift_limit();
    const auto& record = wait_for_end(id, 90s);
    if (record.state == JobState::success) continue;
    ++failed;
    EXPECT_EQ(record.failure_reason, "runner_system_failure");
    EXPECT_EQ(record.wrong_checksums, 0);
    EXPECT_THAT(plain_text(record.trace),
                AnyOf(IsEmpty(), HasSubstr("Too many open files"), HasSubstr("No file descriptors"),
                      HasSubstr("descriptor")));
    EXPECT_THAT(log(), HasSubstr("Too many open files"));
  }
  EXPECT_GE(failed, 1);
  const auto last = gitlab().enqueue(job());
  EXPECT_EQ(wait_for_end(last).state, JobState::success) << plain_text(gitlab().job(last).trace);
  EXPECT_EQ(end(SIGQUIT), 0);
}

TEST_F(FileLimit, Fault45_AJobUnderWayGoesOnWhenThereAreDescriptorsAgain) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"i=0; while [ $i -lt 80 ]; do i=$((i+1)); echo \"line $i.\"; sleep 0.1; done"}));
  wait_for_output(id, "line 10.");
  leave_descriptors(0);
  // What is connected is cut, and cannot be connected again.
  gitlab().set_presence(local::Presence::refusing);
  pump(500ms);
  leave_descriptors(0);
  gitlab().set_presence(local::Presence::there);
  ask_for_metrics();
  expect_idle_for(4s);
  EXPECT_FALSE(local::is_final(gitlab().job(id).state));
  lift_limit();
  const auto& record = wait_for_end(id, 90s);
  EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
  EXPECT_EQ(record.wrong_checksums, 0);
  std::string want;
  for (int i = 1; i <= 80; ++i) want += fmt::format("line {}.\n", i);
  EXPECT_THAT(plain_text(record.trace), HasSubstr(want));
  wait_until_settled();
}

TEST_F(FileLimit, Fault45_WithTooFewFromTheStartItSaysSoOrWorks) {
  int refused = 0;
  for (int limit = 3; limit <= 24; limit += 3) {
    SCOPED_TRACE(fmt::format("{} descriptors in all", limit));
    launcher = {"prlimit", fmt::format("--nofile={}:1024", limit)};
    const auto before = log().size();
    start();
    const auto until = std::chrono::steady_clock::now() + 1s;
    siginfo_t ended{};
    while (ended.si_pid == 0 && std::chrono::steady_clock::now() < until) {
      pump(20ms);
      ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    if (ended.si_pid == 0) {
      lift_limit();
      EXPECT_EQ(end(SIGQUIT), 0) << log();
      continue;
    }
    ++refused;
    EXPECT_GT(wait_for_exit(), 0) << log().substr(before);
    EXPECT_GT(log().size(), before) << "it says why";
  }
  EXPECT_GE(refused, 1);
  launcher.clear();
  start();
  const auto id = gitlab().enqueue(job());
  EXPECT_EQ(wait_for_end(id, 90s).state, JobState::success);
  wait_until_settled();
}

/// A memory cgroup: what is moved into it keeps what it has and gets hardly anything more.
class MemoryGroup {
 public:
  MemoryGroup() {
    const bool version_1 = std::filesystem::exists("/sys/fs/cgroup/memory/cgroup.procs");
    path_ = fmt::format("/sys/fs/cgroup/{}slipway-test-{}", version_1 ? "memory/" : "", ::getpid());
    std::filesystem::create_directory(path_);
    write(version_1 ? "memory.limit_in_bytes" : "memory.max", "65536");
  }
  MemoryGroup(const MemoryGroup&) = delete;
  ~MemoryGroup() {
    std::error_code error;
    std::filesystem::remove(path_, error);
    EXPECT_FALSE(error) << path_ << ": " << error.message();
  }
  void add(pid_t process) const { write("cgroup.procs", std::to_string(process)); }

 private:
  void write(const char* name, const std::string& text) const {
    EXPECT_TRUE(std::ofstream{path_ / name} << text << std::flush) << path_ / name;
  }
  std::filesystem::path path_;
};

using MemoryLimit = DaemonJobs;

TEST_F(MemoryLimit, Fault51_TheKernelEndsTheDaemonAndTheNextOneGoesOnWithItsJob) {
  start();
  // What it prints from then on needs memory that the daemon does not have yet.
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script(
      {"i=0; while [ $i -lt 60 ]; do i=$((i+1)); [ $i -lt 30 ] || yes xxxxxxxx | "
       "head -n 2000; echo \"line $i.\"; sleep 0.1; done"}));
  wait_for_output(id, "line 5.");
  {
    const MemoryGroup group;
    group.add(pid_);
    EXPECT_EQ(wait_for_exit(), -SIGKILL) << log();
  }
  start();
  const auto& record = wait_for_end(id, 90s);
  EXPECT_EQ(record.state, JobState::success);
  EXPECT_EQ(record.wrong_checksums, 0);
  std::string want;
  for (int i = 1; i <= 60; ++i) {
    for (int line = 0; i >= 30 && line < 2000; ++line) want += "xxxxxxxx\n";
    want += fmt::format("line {}.\n", i);
  }
  EXPECT_NE(plain_text(record.trace).find(want), std::string::npos) << "not the whole log";
  wait_until_settled();
}

}  // namespace
}  // namespace slipway::tests
