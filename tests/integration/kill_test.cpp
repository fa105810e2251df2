// Kills the daemon again and again: at every write to a job's journal, and at random times under
// load, and while it removes what a job made. CI does a few; SLIPWAY_LONG_TESTS=1 in the
// environment makes it more than 200 kills. Fault 51, the kernel's end of a daemon for want of
// memory, is the same SIGKILL; that it comes late is packaging/slipway.service's OOMScoreAdjust.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <thread>

#include "tests/integration/daemon_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobRecord;
using local::JobState;
using namespace std::chrono_literals;

bool long_tests() {
  const char* wanted = std::getenv("SLIPWAY_LONG_TESTS");
  return wanted != nullptr && *wanted != '\0';
}

/// Ends a process with SIGKILL at the n-th write to a journal in `jobs`, from a thread of its own:
/// at once, as far as the machine allows.
class KillAtWrite {
 public:
  KillAtWrite(const std::filesystem::path& jobs, pid_t pid, int n)
      : inotify_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)}, jobs_{jobs} {
    watch(jobs_);
    std::error_code none;
    for (const auto& job : std::filesystem::directory_iterator{jobs_, none}) watch(job.path());
    thread_ = std::thread{[this, pid, n] { run(pid, n); }};
  }
  ~KillAtWrite() {
    stop_ = true;
    thread_.join();
    ::close(inotify_);
  }
  bool killed() const { return killed_; }

 private:
  void watch(const std::filesystem::path& path) {
    const int number =
        ::inotify_add_watch(inotify_, path.c_str(), IN_CREATE | IN_MODIFY | IN_DELETE);
    if (number >= 0) watched_[number] = path;
  }

  void run(pid_t pid, int n) {
    int writes = 0;
    while (!stop_) {
      pollfd ready{inotify_, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      alignas(inotify_event) char buffer[4096];
      const auto size = ::read(inotify_, buffer, sizeof buffer);
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
        const std::string name = event->len > 0 ? event->name : "";
        if (watched_[event->wd] == jobs_ && (event->mask & IN_CREATE)) watch(jobs_ / name);
        // An empty journal is none: until its header is there, nobody but GitLab knows of the job.
        if (name != "journal" || (event->mask & IN_CREATE)) continue;
        if (++writes != n) continue;
        ::kill(pid, SIGKILL);
        killed_ = true;
        return;
      }
    }
  }

  int inotify_;
  std::filesystem::path jobs_;
  std::map<int, std::filesystem::path> watched_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> killed_ = false;
  std::thread thread_;
};

class Kill : public DaemonJobs {
 protected:
  static std::string expected(int lines) {
    std::string text;
    for (int i = 1; i <= lines; ++i) text += fmt::format("line {}\n", i);
    return text + "after 1\nafter 2\n";
  }

  /// Lines of the script and of after_script, in order.
  static std::string printed(const std::string& trace) {
    static const std::regex wanted{"^(line|after) [0-9]+$"};
    std::string lines;
    std::istringstream in{plain_text(trace)};
    for (std::string line; std::getline(in, line);)
      if (std::regex_match(line, wanted)) lines += line + "\n";
    return lines;
  }

  static std::vector<std::string> sections(const std::string& trace, const char* which) {
    const std::regex mark{fmt::format("section_{}:[0-9]+:([a-z_]+)", which)};
    std::vector<std::string> names;
    for (auto at = std::sregex_iterator{trace.begin(), trace.end(), mark};
         at != std::sregex_iterator{}; ++at)
      names.push_back((*at)[1]);
    return names;
  }

  /// Ended once and well, with every byte of its log, once.
  static void check(const JobRecord& job, int lines) {
    EXPECT_EQ(job.state, JobState::success) << plain_text(job.trace);
    EXPECT_EQ(job.wrong_checksums, 0);
    EXPECT_EQ(job.artifacts.size(), 1u) << "uploaded once, whoever watched";
    EXPECT_EQ(printed(job.trace), expected(lines)) << job.trace;
    const auto begun = sections(job.trace, "start");
    EXPECT_EQ(begun, sections(job.trace, "end"));
    EXPECT_EQ(std::set<std::string>(begun.begin(), begun.end()).size(), begun.size());
    const std::string end = "Job succeeded";
    const auto at = job.trace.find(end);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(job.trace.find(end, at + 1), std::string::npos);
  }

  /// Containers and networks of the daemon.
  std::vector<std::string> objects() {
    std::vector<std::string> found;
    run([&](docker_api::Client& engine) -> asio::awaitable<void> {
      return [](docker_api::Client& client, std::string label,
                std::vector<std::string>* names) -> asio::awaitable<void> {
        const std::vector<std::string> labels{std::move(label)};
        const auto containers = co_await client.list_containers(labels);
        for (const auto& container : containers) names->push_back(container.id);
        const auto networks = co_await client.list_networks(labels);
        for (const auto& network : networks) names->push_back(network.id);
      }(engine, "io.slipway.state=" + state_id(), &found);
    });
    return found;
  }

  nlohmann::json payload(int lines, double pause, const std::string& sha) const {
    return JobBuilder{}
        .image(image)
        .git("demo/project", "main", sha)
        .artifacts({"file"})
        .script({"cat file", fmt::format("i=0; while [ $i -lt {} ]; do i=$((i+1)); echo \"line "
                                         "$i\"; sleep {}; done",
                                         lines, pause)})
        .after_script({"echo after 1", "echo after 2"});
  }
};

TEST_F(Kill, Fault43_AtEveryJournalPoint) {
  const auto sha = make_repository({{"file", "content\n"}});
  const int most = long_tests() ? 200 : 14;
  const int step = 1;
  int kills = 0;
  for (int n = 1; n <= most * step; n += step) {
    SCOPED_TRACE(fmt::format("killed at write {}", n));
    start();
    std::filesystem::create_directories(state() / "jobs");
    std::int64_t id = 0;
    bool killed = false;
    {
      const KillAtWrite killer{state() / "jobs", pid_, n};
      id = gitlab().enqueue(payload(8, 0.1, sha));
      pump_until([&] { return killer.killed() || journals() == 0; }, 5s);
      pump_until([&] {
        return killer.killed() || (local::is_final(gitlab().job(id).state) && journals() == 0);
      });
      killed = killer.killed();
    }
    if (killed) {
      ++kills;
      pump_until([&] { return !is_running(); });
      start();
    }
    check(wait_for_end(id), 8);
    wait_until_settled();
    if (HasFailure() || !killed) break;
    kill();
    // The coordinator must see the end of its poll before it has another job to give.
    pump(200ms);
  }
  RecordProperty("kills", kills);
  EXPECT_GE(kills, 8);
}

TEST_F(Kill, Fault43_KilledDuringCleanUpTheNextStartRemovesTheRest) {
  const auto sha = make_repository({{"file", "content\n"}});
  start();
  std::size_t interrupted = 0;
  for (const auto delay : {0ms, 10ms, 30ms, 60ms, 100ms, 200ms, 400ms}) {
    SCOPED_TRACE(fmt::format("killed {} ms after the end", delay.count()));
    auto job = payload(2, 0.1, sha);
    job["services"] = {{{"name", image}, {"command", {"sleep", "1000"}}}};
    const auto id = gitlab().enqueue(job);
    wait_for_end(id);
    pump(delay);
    kill();
    if (!objects().empty()) ++interrupted;
    start();
    const auto began = std::chrono::steady_clock::now();
    pump_until([this] { return objects().empty() && journals() == 0; }, 20s);
    EXPECT_LE(std::chrono::steady_clock::now() - began, 10s);
    check(gitlab().job(id), 2);
  }
  EXPECT_GE(interrupted, 1u);
}

TEST_F(Kill, Fault43_E47_AtRandomTimesUnderLoad) {
  const auto sha = make_repository({{"file", "content\n"}});
  concurrent = 4;
  const int kills = long_tests() ? 100 : 6;
  std::mt19937 random{20260101};
  std::vector<std::int64_t> ids;
  start();
  for (int i = 0; i < kills; ++i) {
    while (ids.size() < static_cast<std::size_t>(4 + i))
      ids.push_back(gitlab().enqueue(payload(30, 0.05, sha)));
    pump(std::chrono::milliseconds{300 + random() % 2500});
    kill();
    start();
  }
  for (const auto id : ids) check(wait_for_end(id, 120s), 30);
  wait_until_settled();
}

}  // namespace
}  // namespace slipway::tests
