// The real program as a process of its own.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/integration/docker_jobs.hpp"
#include "util/async.hpp"

extern char** environ;

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;

class Daemon : public DockerJobs {
 protected:
  void SetUp() override {
    DockerJobs::SetUp();
    config_path_ = scratch() / "config.toml";
    std::ofstream file{config_path_};
    const auto& runner = config.runners.front();
    file << "concurrent = 1\ncheck_interval = 1\n\n[[runners]]\n  name = \"daemon\"\n  url = \""
         << runner.url << "\"\n  token = \"" << runner.token.reveal()
         << "\"\n  executor = \"docker\"\n  [runners.docker]\n    image = \"" << image
         << "\"\n    pull_policy = [\"if-not-present\"]\n    volumes = [\"/cache\"]\n";
  }

  void TearDown() override {
    if (pid_ > 0) end(SIGKILL);
    state_id_ = state_id();
    DockerJobs::TearDown();
  }

  void start() {
    const std::string program = std::string{std::getenv("SLIPWAY_BIN_DIR")} + "/slipway";
    std::vector<std::string> words{program, "run", "--config", config_path_.string()};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, (scratch() / "log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
  }

  /// Sends `signal` and returns the exit code, or -1 for a death by signal.
  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void wait_for_output(std::int64_t id, const std::string& text) {
    bool done = false;
    const auto wait = [](local::Coordinator* gitlab, std::int64_t job, std::string what,
                         bool* finished) -> asio::awaitable<void> {
      const std::function<bool(const local::JobRecord&)> holds = [&what](const auto& record) {
        return record.trace.find(what) != std::string::npos || local::is_final(record.state);
      };
      try {
        co_await gitlab->wait_until(job, holds, 60s);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      *finished = true;
    };
    util::TaskGroup tasks{io().get_executor()};
    tasks.start(wait(&gitlab(), id, text, &done));
    io().restart();
    while (!done && io().run_one() > 0) {
    }
  }

  std::string log() const {
    std::ifstream file{scratch() / "log"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  std::string state_id() const {
    std::string id;
    std::ifstream{scratch() / "state" / "id"} >> id;
    return id;
  }

  std::filesystem::path config_path_;
  pid_t pid_ = -1;
};

TEST_F(Daemon, RunsAJobAndDrainsAtSigquit) {
  start();
  const auto id =
      gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 2; echo finished"}));
  wait_for_output(id, "started");
  // The job goes on while the daemon drains: the coordinator must go on answering meanwhile.
  ::kill(pid_, SIGQUIT);
  wait_for_output(id, "Job succeeded");
  io().restart();
  int status = 0;
  for (int i = 0; i < 200 && ::waitpid(pid_, &status, WNOHANG) == 0; ++i) io().run_for(100ms);
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << log();
  EXPECT_EQ(gitlab().job(id).state, JobState::success);
}

TEST_F(Daemon, KilledItLeavesObjectsThatCarryItsLabels) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 1000"}));
  wait_for_output(id, "started");
  EXPECT_EQ(end(SIGKILL), -1);
  const auto label = "io.slipway.state=" + state_id();
  std::size_t containers = 0;
  run([&](docker_api::Client& engine) -> asio::awaitable<void> {
    return [](docker_api::Client& client, std::string state, std::size_t* count,
              std::int64_t job) -> asio::awaitable<void> {
      const std::vector<std::string> labels{state};
      const auto left = co_await client.list_containers(labels);
      *count = left.size();
      for (const auto& container : left) {
        EXPECT_EQ(container.labels.at("com.gitlab.gitlab-runner.job.id"), std::to_string(job));
        EXPECT_EQ(container.labels.at("com.gitlab.gitlab-runner.managed"), "true");
        co_await client.remove_container(container.id, true, true);
      }
      const auto volumes = co_await client.list_volumes(labels);
      for (const auto& volume : volumes)
        if (!volume.name.starts_with("slipway-helper-"))
          co_await client.remove_volume(volume.name, true);
    }(engine, label, &containers, id);
  });
  EXPECT_EQ(containers, 1u);
}

TEST_F(Daemon, ASecondDaemonOnTheSameStateIsRefused) {
  start();
  const auto id = gitlab().enqueue(JobBuilder{}.image(image).script({"echo started; sleep 3"}));
  wait_for_output(id, "started");
  const auto first = std::exchange(pid_, -1);
  start();
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = first;
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(log(), HasSubstr("another slipway is using it"));
  wait_for_output(id, "Job succeeded");
  ::kill(pid_, SIGQUIT);
  for (int i = 0; i < 200 && ::waitpid(pid_, &status, WNOHANG) == 0; ++i) io().run_for(100ms);
  pid_ = -1;
}

TEST_F(Daemon, ASyntaxErrorInTheConfigIsNamedWithFileLineAndColumn) {
  std::ofstream{config_path_} << "concurrent = 1\n[[runners]\n";
  start();
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(log(), HasSubstr(config_path_.string() + ":2:"));
}

}  // namespace
}  // namespace slipway::tests
