#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "command_test.hpp"

namespace slipway::cmd {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// `slipway exec` as a process in a repository, without an Engine.
class ExecCommand : public CommandTest {
 protected:
  ExecCommand() {
    repository = directory / "repository";
    std::filesystem::create_directories(repository);
    std::ofstream{directory / ".gitconfig"}
        << "[user]\n\tname = Ann\n\temail = ann@example.org\n[init]\n\tdefaultBranch = main\n";
  }
  void git(const std::string& arguments) const {
    const auto command = "HOME='" + directory.string() + "' GIT_CONFIG_NOSYSTEM=1 git -C '" +
                         repository.string() + "' " + arguments + " >/dev/null 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << arguments;
  }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((repository / path).parent_path());
    std::ofstream{repository / path} << text;
  }
  Outcome exec(std::vector<std::string> arguments, const Environment& environment = {}) {
    arguments.insert(arguments.begin(), {"exec", "-C", repository.string(), "--state-dir",
                                         (directory / "state").string()});
    return run(std::move(arguments), "", environment);
  }
  nlohmann::json list(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--list", "--json"});
    const auto outcome = exec(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false);
  }

  std::filesystem::path repository;
};

constexpr auto pipeline = R"(stages: [build, test]
variables:
  GREETING: hello $CI_COMMIT_REF_SLUG
build:
  stage: build
  script: make
test:
  stage: test
  script: make test
  needs: [build]
  variables: {WHO: "$GREETING, $NAME"}
never:
  stage: test
  script: x
  rules:
    - if: '$CI_COMMIT_TAG'
)";

TEST_F(ExecCommand, ListsWithoutCommits) {
  git("init");
  write(".gitlab-ci.yml", pipeline);
  const auto outcome = exec({"--list"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "STAGE  JOB    WHEN        NEEDS\n"
            "build  build  on_success\n"
            "test   test   on_success  build\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ExecCommand, ListsAsJson) {
  git("init");
  git("checkout -b Feature/One");
  write(".gitlab-ci.yml", pipeline);
  const auto jobs = list({"--variable", "NAME=you"})["jobs"];
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0]["name"], "build");
  EXPECT_EQ(jobs[0]["stage"], "build");
  EXPECT_EQ(jobs[0]["when"], "on_success");
  EXPECT_TRUE(jobs[0]["needs"].is_null());
  EXPECT_EQ(jobs[1]["needs"], nlohmann::json::array({"build"}));
  EXPECT_EQ(jobs[1]["variables"]["WHO"], "hello feature-one, you");
}

TEST_F(ExecCommand, VariablesFromTheLeastToTheMostSpecific) {
  git("init");
  write(".gitlab-ci.yml",
        "a: {script: x, variables: {SEEN: '$ONE $TWO $THREE $FOUR', ONE: config}}\n");
  write(".slipway-variables", "ONE=file\nTWO=file\nTHREE=file\n");
  std::ofstream{directory / "more"} << "TWO=more\nTHREE=more\n";
  const auto jobs = list({"--variable-file", (directory / "more").string(), "--variable",
                          "THREE=line", "--masked-variable=FOUR=secret"})["jobs"];
  EXPECT_EQ(jobs[0]["variables"]["SEEN"], "file more line secret");
}

TEST_F(ExecCommand, GraphPreviewAndExplain) {
  git("init");
  write(".gitlab-ci.yml", "include: more.yml\n" + std::string{pipeline});
  write("more.yml", ".base: {image: alpine}\nextra: {extends: .base, stage: test, script: y}\n");
  EXPECT_THAT(exec({"--graph"}).out, HasSubstr("  test <- build\n"));
  const auto dot = exec({"--graph", "--dot"});
  EXPECT_THAT(dot.out, AllOf(StartsWith("digraph"), HasSubstr("\"build\" -> \"test\"")));
  const auto preview = exec({"--preview"});
  EXPECT_THAT(preview.out, AllOf(HasSubstr("image: alpine"), Not(HasSubstr("include"))));
  EXPECT_THAT(exec({"--explain", "never"}).out,
              AllOf(HasSubstr("not in the pipeline"), HasSubstr("$CI_COMMIT_TAG")));
  const auto unknown = exec({"--explain", "nobody"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no job \"nobody\""));
}

TEST_F(ExecCommand, ErrorsSayWhere) {
  git("init");
  write(".gitlab-ci.yml", "include: /more.yml\n");
  write("more.yml", "a:\n  script: x\n  stag: y\n");
  for (const auto* view : {"--list", "--graph", "--preview"}) {
    const auto outcome = exec({view});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, StartsWith("more.yml:3:3: "));
    EXPECT_THAT(outcome.err, HasSubstr("included from .gitlab-ci.yml:1:"));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(ExecCommand, NoConfigurationIsAnError) {
  git("init");
  const auto outcome = exec({"--list"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr(".gitlab-ci.yml: there is no such file"));
  write("other.yml", "a: {script: x}\n");
  EXPECT_EQ(exec({"--list", "-f", "other.yml"}).exit_code, 0);
}

TEST_F(ExecCommand, Inputs) {
  git("init");
  write(".gitlab-ci.yml",
        "spec:\n  inputs:\n    image: {}\n    count: {type: number, default: 1}\n---\n"
        "a:\n  image: $[[ inputs.image ]]\n  script: x $[[ inputs.count ]]\n");
  EXPECT_EQ(exec({"--list"}).exit_code, 1);
  EXPECT_EQ(list({"--input", "image=alpine", "--input=count=3"})["jobs"][0]["image"], "alpine");
  EXPECT_THAT(exec({"--list", "--input", "image"}).err, HasSubstr("equals sign between"));
}

TEST_F(ExecCommand, CommittedLooksAtHead) {
  git("init");
  write(".gitlab-ci.yml", "a: {script: x}\n");
  EXPECT_THAT(exec({"--list", "--committed"}).err, HasSubstr("no commits"));
  git("add -A");
  git("commit -m x");
  write(".gitlab-ci.yml", "b: {script: x}\n");
  EXPECT_EQ(list()["jobs"][0]["name"], "b");
  EXPECT_EQ(list({"--committed"})["jobs"][0]["name"], "a");
}

TEST_F(ExecCommand, FlagsAndNamesInAnyOrder) {
  git("init");
  write(".gitlab-ci.yml", "a: {script: x}\n--odd: {script: x}\n");
  // There is no Engine: what was understood shows by how far it comes.
  const Environment nowhere{{"DOCKER_HOST", "unix:///nowhere/docker.sock"}};
  const auto outcome = exec({"a", "--needs", "--", "--odd"}, nowhere);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("takes a Docker Engine"));
  EXPECT_THAT(exec({"nobody"}, nowhere).err, HasSubstr("there is no job 'nobody'"));
  EXPECT_THAT(exec({"--nobody"}).out, HasSubstr("flag provided but not defined: -nobody"));
}

TEST_F(ExecCommand, FlagsThatDoNotGoTogether) {
  git("init");
  write(".gitlab-ci.yml", "a: {script: x}\n");
  for (const auto& line : std::vector<std::vector<std::string>>{{"--list", "--graph"},
                                                                {"--json"},
                                                                {"--dot"},
                                                                {"--needs"},
                                                                {"--from-stage", "test", "a"},
                                                                {"--list", "a"}}) {
    const auto outcome = exec(line);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.out, StartsWith("Incorrect Usage: ")) << line[0];
  }
}

TEST_F(ExecCommand, RefusesByNameBeforeItAsksForAnEngine) {
  git("init");
  write(".gitlab-ci.yml",
        "a:\n  script: x\n  id_tokens:\n    TOKEN: {aud: https://x}\nb: {script: x}\n");
  const Environment nowhere{{"DOCKER_HOST", "unix:///nowhere/docker.sock"}};
  const auto outcome = exec({}, nowhere);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(StartsWith(".gitlab-ci.yml:3:3: "), HasSubstr("id_tokens")));
  EXPECT_THAT(exec({"b"}, nowhere).err, HasSubstr("takes a Docker Engine"));
  EXPECT_EQ(exec({"--list"}, nowhere).exit_code, 0);
}

TEST_F(ExecCommand, OutsideOfARepository) {
  write(".gitlab-ci.yml", "a: {script: x}\n");
  const Environment fence{{"GIT_CEILING_DIRECTORIES", directory.string()}};
  EXPECT_EQ(exec({"--list"}, fence).exit_code, 0);
  const auto outcome = exec({}, fence);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("in no git repository"));
}

TEST_F(ExecCommand, WorkflowThatMakesNoPipeline) {
  git("init");
  write(".gitlab-ci.yml", "workflow: {rules: [{if: '$NO', when: always}]}\na: {script: x}\n");
  const auto outcome = exec({});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("GitLab would make no pipeline"));
  EXPECT_THAT(exec({"--explain", "a"}).out, HasSubstr("the pipeline is not made"));
}

TEST_F(ExecCommand, HundredIncludedFiles) {
  git("init");
  std::string root = "include:\n";
  for (int number = 0; number < 100; ++number) {
    const auto name = "ci/part" + std::to_string(number) + ".yml";
    root += "  - " + name + "\n";
    write(name, "job" + std::to_string(number) + ": {script: x}\n");
  }
  write(".gitlab-ci.yml", root);
  EXPECT_EQ(list()["jobs"].size(), 100u);
}

}  // namespace
}  // namespace slipway::cmd
