// `slipway exec` on a real Engine: the repository's pipeline, by the program itself.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "runner/state_dir.hpp"
#include "tests/integration/engine_test.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A repository, a state directory, and the program.
class ExecPipelines : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    base = fs::temp_directory_path() / ("slipway-exec-" + runner::random_hex(4));
    repository = base / "repository";
    fs::create_directories(repository);
    git("init --quiet --initial-branch=main");
    git("config user.name Ann");
    git("config user.email ann@example.org");
  }
  /// The caches are kept between runs, and are not part of what this test leaves.
  void TearDown() override {
    std::string id;
    std::ifstream{base / "state" / "service-1" / "id"} >> id;
    if (!id.empty())
      run([&id](docker_api::Client& engine) -> asio::awaitable<void> {
        return remove_volumes(engine, id);
      });
    EngineTest::TearDown();
    std::error_code ignored;
    fs::remove_all(base, ignored);
  }
  static asio::awaitable<void> remove_volumes(docker_api::Client& engine, std::string id) {
    const std::vector<std::string> labels{"io.slipway.state=" + id};
    const auto volumes = co_await engine.list_volumes(labels);
    for (const auto& volume : volumes)
      if (!volume.name.starts_with("slipway-helper-"))
        co_await engine.remove_volume(volume.name, true);
  }

  void git(const std::string& arguments) const {
    shell(fmt::format("git -C '{}' {}", repository.string(), arguments));
  }
  std::string git_status() const {
    return shell(fmt::format("git -C '{}' status --porcelain", repository.string()));
  }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((repository / path).parent_path());
    std::ofstream{repository / path} << text;
  }

  pid_t start(const std::vector<std::string>& flags) const {
    std::vector<std::string> words{std::string{std::getenv("SLIPWAY_BIN_DIR")} + "/slipway",
                                   "exec",
                                   "-C",
                                   repository.string(),
                                   "--state-dir",
                                   (base / "state").string(),
                                   "--report-json",
                                   (base / "report.json").string(),
                                   "--image",
                                   image};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (base / "out").c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }
  static int wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int exec(const std::vector<std::string>& flags = {}) const { return wait(start(flags)); }
  std::string out() const {
    std::ostringstream text;
    text << std::ifstream{base / "out"}.rdbuf();
    return std::move(text).str();
  }
  bool wait_for_output(const std::string& text, std::chrono::seconds limit = 60s) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (out().find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(50ms);
    }
    return true;
  }
  nlohmann::json report() const {
    return nlohmann::json::parse(std::ifstream{base / "report.json"}, nullptr, false);
  }
  /// `name: status` of every job, in the report's order.
  std::string statuses() const {
    std::string text;
    for (const auto& job : report()["jobs"])
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", job["name"].get<std::string>(),
                          job["status"].get<std::string>());
    return text;
  }

  fs::path base;
  fs::path repository;
};

TEST_F(ExecPipelines, TheWorkTreeAsItIs) {
  write(".gitlab-ci.yml", "show:\n  script: [cat changed]\n");
  write(".gitignore", "ignored\n");
  write("committed", "from the commit\n");
  write("changed", "before\n");
  git("add --all");
  git("commit --quiet -m first");
  write("changed", "not committed\n");
  write("new/file", "not even added\n");
  write("ignored", "x\n");
  write(".gitlab-ci.yml",
        "show:\n  script:\n    - cat committed changed new/file\n    - test ! -e ignored\n"
        "    - echo \"branch $CI_COMMIT_BRANCH\"\n");
  const auto before = git_status();
  EXPECT_EQ(exec(), 0) << out();
  EXPECT_THAT(out(), AllOf(HasSubstr("| from the commit\n"), HasSubstr("| not committed\n"),
                           HasSubstr("| not even added\n"), HasSubstr("| branch main\n")));
  EXPECT_EQ(git_status(), before);
  EXPECT_EQ(statuses(), "show: success");

  EXPECT_EQ(exec({"--committed"}), 0) << out();
  EXPECT_THAT(out(), AllOf(HasSubstr("| before\n"), Not(HasSubstr("| not committed\n"))));
}

TEST_F(ExecPipelines, ArtifactsAndVariablesGoFromJobToJob) {
  write(".gitlab-ci.yml", R"(stages: [build, test]
build:
  stage: build
  script:
    - mkdir out
    - echo made > out/file
    - echo VERSION=1.2.3 > build.env
  artifacts:
    paths: [out]
    reports: {dotenv: build.env}
test:
  stage: test
  script:
    - cat out/file
    - echo "version $VERSION"
without:
  stage: test
  needs: []
  script:
    - test ! -e out
    - test -z "$VERSION"
)");
  EXPECT_EQ(exec({"--artifacts-to", (base / "artifacts").string()}), 0) << out();
  EXPECT_THAT(out(), AllOf(HasSubstr("| made\n"), HasSubstr("| version 1.2.3\n")));
  std::string text;
  std::getline(std::ifstream{base / "artifacts" / "build" / "out" / "file"}, text);
  EXPECT_EQ(text, "made");
}

TEST_F(ExecPipelines, FailureIsTheExitCode) {
  write(".gitlab-ci.yml", R"(stages: [one, two, three]
good: {stage: one, script: "true"}
bad: {stage: one, script: "exit 7"}
allowed: {stage: one, script: "exit 3", allow_failure: {exit_codes: 3}}
next: {stage: two, script: echo never}
repair: {stage: two, script: echo repaired, when: on_failure}
always: {stage: three, script: echo always, when: always}
by_hand: {stage: three, script: echo hand, when: manual}
)");
  EXPECT_EQ(exec(), 1) << out();
  EXPECT_EQ(statuses(),
            "good: success, bad: failed, allowed: failed, next: skipped, repair: success, "
            "always: success, by_hand: skipped");
  EXPECT_EQ(report()["jobs"][1]["exit_code"], 7);
  EXPECT_EQ(exec({"good", "always"}), 0) << out();
  EXPECT_EQ(statuses(), "good: success, always: success");
  EXPECT_EQ(exec({"by_hand"}), 0) << out();
  EXPECT_EQ(statuses(), "by_hand: success");
}

TEST_F(ExecPipelines, RetriesAndResourceGroups) {
  write(".gitlab-ci.yml", R"(
flaky:
  retry: 2
  script: 'test "$CI_JOB_ID" -ge 3'
one: {script: sleep 1, resource_group: g}
two: {script: sleep 1, resource_group: g}
)");
  EXPECT_EQ(exec({"flaky"}), 0) << out();
  EXPECT_EQ(report()["jobs"][0]["attempts"], 3);
  EXPECT_EQ(exec({"one", "two"}), 0) << out();
}

TEST_F(ExecPipelines, ChildPipelinesAndMatrix) {
  write(".gitlab-ci.yml", R"(stages: [make, child, after]
make:
  stage: make
  script: 'echo "dynamic: {script: echo from a made file}" > made.yml'
  artifacts: {paths: [made.yml]}
fixed:
  stage: child
  variables: {GREETING: hello}
  trigger: {include: child.yml, strategy: depend}
made:
  stage: child
  needs: [make]
  trigger: {include: [{artifact: made.yml, job: make}], strategy: depend}
after: {stage: after, script: echo after}
)");
  write("child.yml", R"(
matrix:
  parallel: {matrix: [{A: [1, 2], B: x}]}
  script: echo "$GREETING $A $B"
)");
  EXPECT_EQ(exec(), 0) << out();
  EXPECT_THAT(out(), AllOf(HasSubstr("| hello 1 x\n"), HasSubstr("| hello 2 x\n"),
                           HasSubstr("| from a made file\n"), HasSubstr("| after\n")));
}

TEST_F(ExecPipelines, ServicesAndHiddenVariables) {
  write(".gitlab-ci.yml", R"(
web:
  services:
    - name: busybox:latest
      alias: web
      command: [httpd, -f, -p, "80", -h, /bin]
      variables: {HEALTHCHECK_TCP_PORT: "80"}
  script:
    - wget -q -O /dev/null http://web/busybox
    - echo "the password is $PASSWORD"
)");
  EXPECT_EQ(exec({"--masked-variable", "PASSWORD=swordfish-1234"}), 0) << out();
  EXPECT_THAT(out(), AllOf(HasSubstr("the password is [MASKED]"), Not(HasSubstr("swordfish"))));
}

TEST_F(ExecPipelines, DockerInDockerOverTls) {
  write(".gitlab-ci.yml", R"(
build:
  image: docker:24.0.5-cli
  services: [docker:24.0.5-dind]
  variables:
    DOCKER_HOST: tcp://docker:2376
    DOCKER_TLS_CERTDIR: /certs
    DOCKER_TLS_VERIFY: 1
    DOCKER_CERT_PATH: $DOCKER_TLS_CERTDIR/client
  script: [docker info, docker build -t image .]
)");
  write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
  EXPECT_EQ(exec(), 0) << out();
  EXPECT_THAT(out(), HasSubstr("Successfully tagged image:latest"));
}

TEST_F(ExecPipelines, InterruptedItLeavesNothing) {
  write(".gitlab-ci.yml",
        "stages: [a, b]\nlong: {stage: a, script: [echo begun, sleep 300]}\n"
        "next: {stage: b, script: echo x}\n");
  for (const int signal : {SIGINT, SIGHUP}) {
    const auto pid = start({});
    EXPECT_TRUE(wait_for_output("| begun\n")) << out();
    ::kill(pid, signal);
    EXPECT_EQ(wait(pid), 130) << out();
    EXPECT_EQ(statuses(), "long: canceled, next: canceled");
  }
}

TEST_F(ExecPipelines, TheNextRunSweepsWhatAKilledOneLeft) {
  write(".gitlab-ci.yml",
        "long: {script: [echo begun, sleep 300], rules: [{if: $LONG}]}\n"
        "short: {script: sleep 2, rules: [{if: $SHORT}]}\n");
  const auto pid = start({"--variable", "LONG=1"});
  EXPECT_TRUE(wait_for_output("| begun\n")) << out();
  ::kill(pid, SIGKILL);
  EXPECT_EQ(wait(pid), -SIGKILL);
  EXPECT_EQ(exec({"--variable", "SHORT=1"}), 0) << out();
}

}  // namespace
}  // namespace slipway::tests
