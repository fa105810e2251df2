#include "tests/integration/daemon_jobs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

extern char** environ;

namespace slipway::tests {

using namespace std::chrono_literals;

void DaemonJobs::SetUp() {
  DockerJobs::SetUp();
  config_path_ = scratch() / "config.toml";
}

void DaemonJobs::TearDown() {
  if (pid_ > 0) end(SIGKILL);
  // The only witness, and it goes with the directory.
  if (HasFailure()) std::cerr << "the daemon's log:\n" << log() << std::endl;
  state_id_ = state_id();
  DockerJobs::TearDown();
}

void DaemonJobs::write_config() const {
  const auto& runner = config.runners.front();
  std::string volumes;
  for (const auto& volume : runner.docker->volumes)
    volumes += fmt::format("{}\"{}\"", volumes.empty() ? "" : ", ", volume);
  std::ofstream{config_path_} << fmt::format(
      "concurrent = {}\ncheck_interval = 1\n{}\n[slipway]\n{}\n\n[[runners]]\n  name = \"daemon\"\n"
      "  url = \"{}\"\n  token = \"{}\"\n  executor = \"docker\"\n  request_concurrency = {}\n"
      "  [runners.docker]\n    image = \"{}\"\n    pull_policy = [\"if-not-present\"]\n"
      "    privileged = {}\n    volumes = [{}]\n",
      concurrent, globals, settings, runner.url, runner.token.reveal(), concurrent, image,
      runner.docker->privileged, volumes);
}

void DaemonJobs::start() {
  if (!std::filesystem::exists(config_path_)) write_config();
  const std::string program = std::string{std::getenv("SLIPWAY_BIN_DIR")} + "/slipway";
  auto words = launcher;
  words.insert(words.end(), {program, "run", "--config", config_path_.string()});
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, (scratch() / "log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  // Above all the coordinator's sockets: they would seem to listen when they are closed here.
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  ASSERT_EQ(::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
}

/// The coordinator goes on answering meanwhile: the daemon may need it.
bool DaemonJobs::reap(std::chrono::seconds limit, int& status) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) return false;
    pump(10ms);
  }
  pid_ = -1;
  return true;
}

int DaemonJobs::end(int signal) {
  if (pid_ <= 0) {
    // -1 would be every process of the machine.
    ADD_FAILURE() << "the daemon does not run\n" << log();
    return -1;
  }
  ::kill(pid_, signal);
  int status = 0;
  if (!reap(60s, status)) {
    ADD_FAILURE() << "the daemon did not end after signal " << signal << "\n" << log();
    ::kill(pid_, SIGKILL);
    reap(10s, status);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool DaemonJobs::is_running() {
  int status = 0;
  return pid_ > 0 && !reap(0s, status);
}

void DaemonJobs::pump(std::chrono::milliseconds time) {
  // Without a coordinator there may be nothing to serve for a while.
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    io().restart();
    if (io().run_one_for(10ms) == 0) std::this_thread::sleep_for(1ms);
  } while (std::chrono::steady_clock::now() < until);
}

bool DaemonJobs::pump_until(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) {
      ADD_FAILURE() << "not within " << limit.count() << " s; the daemon's log:\n" << log();
      return false;
    }
    io().restart();
    if (io().run_one_for(20ms) == 0) std::this_thread::sleep_for(1ms);
  }
  return true;
}

void DaemonJobs::wait_for_output(std::int64_t id, const std::string& text) {
  pump_until([&] {
    const auto& job = gitlab().job(id);
    return job.trace.find(text) != std::string::npos || local::is_final(job.state);
  });
}

const local::JobRecord& DaemonJobs::wait_for_end(std::int64_t id, std::chrono::seconds limit) {
  pump_until([&] { return local::is_final(gitlab().job(id).state); }, limit);
  return gitlab().job(id);
}

std::size_t DaemonJobs::journals() const {
  std::error_code error;
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator{state() / "jobs", error})
    ++count;
  return count;
}

void DaemonJobs::wait_until_settled() {
  pump_until([&] { return journals() == 0; });
}

std::string DaemonJobs::log() const {
  std::ifstream file{scratch() / "log"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string DaemonJobs::state_id() const {
  std::string id;
  std::ifstream{state() / "id"} >> id;
  return id;
}

}  // namespace slipway::tests
