#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// What an earlier job, or the world, may have left for the next get_sources.
class HostileSources : public SourcesTest {
 protected:
  void SetUp() override {
    SourcesTest::SetUp();
    sha_ = commit("a", "1");
    ASSERT_EQ(get_sources(parameters(sha_)).code, 0);
    git_dir_ = project_ / ".git";
    proof_ = root_ / "proof";
  }
  /// A program that leaves a proof when it is run.
  void plant(const fs::path& path) {
    write_file(path, "#!/bin/sh\ntouch '" + proof_.string() + "'\n");
    fs::permissions(path, fs::perms::all);
  }
  void expect_success() {
    const auto result = get_sources(parameters(commit("fresh", "2")));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_TRUE(fs::exists(project_ / "fresh"));
    EXPECT_FALSE(fs::exists(proof_));
  }

  std::string sha_;
  fs::path git_dir_;
  fs::path proof_;
};

TEST_F(HostileSources, Case36RemovesStaleLocks) {
  for (const auto* lock : {"index.lock", "shallow.lock", "HEAD.lock", "config.lock",
                           "refs/heads/x.lock", "refs/remotes/origin/main.lock"})
    write_file(git_dir_ / lock, "");
  expect_success();
  EXPECT_FALSE(fs::exists(git_dir_ / "refs/heads/x.lock"));
}

TEST_F(HostileSources, CleansADirtyTree) {
  write_file(project_ / "a", "changed");
  write_file(project_ / "new" / "file", "x");
  write_file(project_ / "nested" / ".git" / "HEAD", "ref: refs/heads/main\n");
  write_file(git_dir_ / "info" / "exclude", "*\n");
  expect_success();
  EXPECT_EQ(read_file(project_ / "a"), "1");
  EXPECT_FALSE(fs::exists(project_ / "new"));
  EXPECT_FALSE(fs::exists(project_ / "nested"));
}

TEST_F(HostileSources, RunsNoHookOfAnEarlierJob) {
  for (const auto* hook :
       {"post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"}) {
    plant(git_dir_ / "hooks" / hook);
    plant(temp_ / "git-template" / "hooks" / hook);
  }
  expect_success();
  EXPECT_FALSE(fs::exists(git_dir_ / "hooks"));
}

TEST_F(HostileSources, RunsNoProgramOfAnEarlierConfiguration) {
  const auto program = root_ / "program";
  plant(program);
  git(project_, {"config", "core.fsmonitor", program.string()});
  git(project_, {"config", "core.sshCommand", program.string()});
  git(project_, {"config", "filter.x.smudge", program.string()});
  git(project_, {"config", "core.hooksPath", root_.string()});
  write_file(git_dir_ / "info" / "attributes", "* filter=x\n");
  plant(root_ / "post-checkout");
  write_file(temp_ / "git-template" / "config", "[core]\n\tfsmonitor = " + program.string());
  expect_success();
}

TEST_F(HostileSources, DoesNotFollowACommonDirectory) {
  const auto other = root_ / "other";
  fs::create_directories(other);
  git(other, {"init", "-q", "--bare"});
  plant(root_ / "program");
  git(other, {"config", "core.fsmonitor", (root_ / "program").string()});
  write_file(git_dir_ / "commondir", other.string() + "\n");
  expect_success();
}

TEST_F(HostileSources, RemovesAGitDirectoryThatIsALink) {
  const auto victim = root_ / "victim";
  fs::rename(git_dir_, victim);
  write_file(victim / "index.lock", "x");
  fs::create_directory_symlink(victim, git_dir_);
  expect_success();
  EXPECT_FALSE(fs::is_symlink(git_dir_));
  EXPECT_TRUE(fs::exists(victim / "index.lock"));
}

TEST_F(HostileSources, RemovesAGitFile) {
  const auto elsewhere = root_ / "elsewhere";
  fs::rename(git_dir_, elsewhere);
  write_file(git_dir_, "gitdir: " + elsewhere.string() + "\n");
  expect_success();
  EXPECT_TRUE(fs::is_directory(git_dir_));
}

TEST_F(HostileSources, DoesNotCleanThroughLinks) {
  const auto victim = root_ / "victim";
  const auto locks = root_ / "locks";
  write_file(locks / "kept.lock", "x");
  write_file(victim / "post-checkout", "x");
  write_file(victim / "config", "x");
  fs::create_directory_symlink(locks, git_dir_ / "refs" / "link");
  fs::remove_all(git_dir_ / "hooks");
  fs::create_directory_symlink(victim, git_dir_ / "hooks");
  fs::remove_all(temp_);
  fs::create_directory_symlink(victim, temp_);
  const auto result = get_sources(parameters(sha_));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(locks / "kept.lock"), "x");
  EXPECT_EQ(read_file(victim / "post-checkout"), "x");
  EXPECT_EQ(read_file(victim / "config"), "x");
  EXPECT_FALSE(fs::exists(victim / ".gitlab-runner.ext.conf"));
}

TEST_F(HostileSources, DoesNotEmptyWhatTheProjectDirectoryPointsTo) {
  const auto victim = root_ / "victim";
  write_file(victim / "kept", "x");
  fs::remove_all(project_);
  for (const auto* strategy : {"fetch", "clone", "empty"}) {
    SCOPED_TRACE(strategy);
    fs::remove_all(project_);
    fs::create_directory_symlink(victim, project_);
    auto wanted = parameters(sha_);
    wanted.strategy = strategy;
    EXPECT_EQ(get_sources(wanted).code, 0);
    EXPECT_TRUE(fs::exists(victim / "kept"));
    EXPECT_FALSE(fs::is_symlink(project_));
  }
}

TEST_F(HostileSources, ReplacesALinkedConfigurationFile) {
  const auto victim = root_ / "victim";
  write_file(victim, "x");
  fs::remove(temp_ / ".gitlab-runner.ext.conf");
  fs::create_symlink(victim, temp_ / ".gitlab-runner.ext.conf");
  fs::remove_all(temp_ / "git-template");
  fs::create_symlink(root_, temp_ / "git-template");
  expect_success();
  EXPECT_EQ(read_file(victim), "x");
}

TEST_F(HostileSources, LeavesSubmodulesAlone) {
  write_file(git_dir_ / "modules" / "lib" / "HEAD", "ref: refs/heads/main\n");
  write_file(git_dir_ / "modules" / "lib" / "config", "[core]\n");
  expect_success();
  EXPECT_TRUE(fs::exists(git_dir_ / "modules" / "lib" / "config"));
}

TEST_F(HostileSources, DoesNotWorkOnARepositoryAboveTheProject) {
  write_file(git_dir_ / "HEAD", "garbage");
  write_file(root_ / "kept", "x");
  git(root_, {"init", "-q"});
  git(root_, {"remote", "add", "origin", "/nowhere"});
  expect_success();
  EXPECT_TRUE(fs::exists(root_ / "kept"));
  EXPECT_EQ(git(root_, {"remote", "get-url", "origin"}), "/nowhere");
}

TEST_F(HostileSources, RefusesAWrongTokenWithoutAPrompt) {
  auto wanted = parameters(sha_);
  const std::string wrong = "wr0ng-t0ken";
  add_credentials(wanted, wrong);
  const auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 128);
  EXPECT_THAT(result.err, HasSubstr("Authentication failed"));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr(wrong)));
  EXPECT_THAT(result.out, Not(HasSubstr("Checking out")));
}

TEST_F(HostileSources, RefusesAnonymousAccessWithoutAPrompt) {
  auto wanted = parameters(sha_);
  wanted.url_rules.clear();
  const auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 128);
  EXPECT_THAT(result.err, HasSubstr("terminal prompts disabled"));
}

TEST_F(HostileSources, ReportsAMissingCommit) {
  const auto result = get_sources(parameters(std::string(40, 'e')));
  EXPECT_EQ(result.code, 128);
  EXPECT_THAT(result.err, HasSubstr("fatal:"));
}

TEST_F(HostileSources, RefusesValuesThatAreNotWhatTheySay) {
  const auto expect_refused = [&](auto change, const std::string& text) {
    SCOPED_TRACE(text);
    auto wanted = parameters(sha_);
    wanted.refspecs.clear();
    change(wanted);
    const auto result = get_sources(wanted);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr(text));
  };
  using P = job::GetSourcesParameters;
  expect_refused([](P& p) { p.refspecs = {"--upload-pack=touch x"}; }, "a refspec begins with '-'");
  expect_refused([](P& p) { p.sha = "--help"; }, "is not a commit");
  expect_refused([](P& p) { p.sha = ""; }, "is not a commit");
  expect_refused([](P& p) { p.remote_url = ""; }, "no repository URL");
  expect_refused([](P& p) { p.project_dir = "relative"; }, "not an absolute path");
  expect_refused([](P& p) { p.temp_dir = "/"; }, "not an absolute path");
  expect_refused([](P& p) { p.strategy = "wish"; }, "unknown GIT_STRATEGY");
}

TEST_F(HostileSources, ClearsTheWorkTree) {
  write_file(project_ / "untracked", "x");
  const nlohmann::json wanted{{"project_dir", project_.string()}};
  auto result = run_stage("clear_worktree", wanted, home_);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "\033[32;1mDeleting tracked and untracked files...\033[0;m\n");
  EXPECT_FALSE(fs::exists(project_ / "a"));
  EXPECT_FALSE(fs::exists(project_ / "untracked"));
  EXPECT_TRUE(fs::exists(git_dir_));

  write_file(git_dir_ / "HEAD", "broken");
  write_file(project_ / "untracked", "x");
  EXPECT_EQ(run_stage("clear_worktree", wanted, home_).code, 0);
  EXPECT_TRUE(fs::is_empty(project_));
  expect_success();
}

}  // namespace
}  // namespace slipway::helper
