#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string green(const std::string& text) {
  return "\033[32;1m" + text + "\033[0;m\n";
}

class GetSources : public SourcesTest {};

TEST_F(GetSources, FetchesAFreshCloneAndSaysSo) {
  commit("a.txt", "one");
  const auto sha = commit("b.txt", "two");
  const auto result = get_sources(parameters(sha));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out,
            green("Gitaly correlation ID: 01JCORRELATION") + green("Fetching changes...") +
                "Initialized empty Git repository in " + project_.string() + "/.git/\n" +
                green("Created fresh repository.") +
                green("Checking out " + sha.substr(0, 8) + " as detached HEAD (ref is main)...") +
                green("Skipping Git submodules setup"));
  EXPECT_EQ(read_file(project_ / "a.txt"), "one");
  EXPECT_EQ(read_file(project_ / "b.txt"), "two");
  EXPECT_EQ(head(), sha);
  EXPECT_EQ(history(), 2);
  EXPECT_THAT(served_requests(), HasSubstr("slipway 1.2.3 linux/amd64"));
  EXPECT_THAT(served_requests(), HasSubstr("01JCORRELATION"));
}

TEST_F(GetSources, LeavesTheConfigurationThatGitWouldMake) {
  const auto wanted = parameters(commit("a", "1"));
  ASSERT_EQ(get_sources(wanted).code, 0);
  const auto remote = git(project_, {"remote", "-v"});
  const auto& authenticated = wanted.url_rules.front().first;
  EXPECT_EQ(remote, "origin\t" + authenticated + " (fetch)\norigin\t" + authenticated + " (push)");
  const auto config = project_ / ".git" / "config";
  const auto get = [&](const std::string& key) {
    return git(project_, {"config", "-f", config.string(), "--get", key});
  };
  EXPECT_EQ(get("remote.origin.url"), wanted.remote_url);
  EXPECT_EQ(get("remote.origin.fetch"), "+refs/heads/*:refs/remotes/origin/*");
  EXPECT_EQ(get("core.repositoryformatversion"), "0");
  EXPECT_EQ(get("gc.autoDetach"), "false");
  EXPECT_EQ(get("include.path"), (temp_ / ".gitlab-runner.ext.conf").string());
  EXPECT_EQ(git(project_,
                {"config", "--file", (home_ / ".gitconfig").string(), "--get", "safe.directory"}),
            project_.string());
}

TEST_F(GetSources, KeepsTheTokenOutOfTheRepository) {
  const auto result = get_sources(parameters(commit("a", "1")));
  ASSERT_EQ(result.code, 0);
  for (const auto& entry : fs::recursive_directory_iterator{project_}) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(read_file(entry.path()), Not(HasSubstr(token))) << entry.path();
  }
  EXPECT_THAT(read_file(home_ / ".gitconfig"), Not(HasSubstr(token)));
  EXPECT_THAT(read_file(temp_ / ".gitlab-runner.ext.conf"), HasSubstr(token));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr(token)));
}

TEST_F(GetSources, FetchesIncrementally) {
  ASSERT_EQ(get_sources(parameters(commit("a", "1"))).code, 0);
  const auto second = commit("b", "2");
  const auto result = get_sources(parameters(second));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Reinitialized existing Git repository in "));
  EXPECT_THAT(result.out, HasSubstr("Created fresh repository."));
  EXPECT_EQ(head(), second);
  EXPECT_EQ(history(), 2);
  const auto config = read_file(project_ / ".git" / "config");
  EXPECT_EQ(config.find("[remote"), config.rfind("[remote"));
  const auto global = read_file(home_ / ".gitconfig");
  EXPECT_EQ(global.find("directory"), global.rfind("directory"));
}

TEST_F(GetSources, KeepsAConfigurationThatIsNotToBeCleaned) {
  auto wanted = parameters(commit("a", "1"));
  wanted.clean_git_config = false;
  ASSERT_EQ(get_sources(wanted).code, 0);
  git(project_, {"config", "user.own", "kept"});
  wanted.sha = commit("b", "2");
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("Created fresh repository.")));
  EXPECT_EQ(git(project_, {"config", "--get", "user.own"}), "kept");
  EXPECT_EQ(git(project_, {"config", "--local", "--get-all", "include.path"}),
            (temp_ / ".gitlab-runner.ext.conf").string());
}

TEST_F(GetSources, Case38FetchesShallowThenEverything) {
  commit("a", "1");
  commit("b", "2");
  auto wanted = parameters(commit("c", "3"));
  wanted.depth = 1;
  auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(green("Fetching changes with git depth set to 1...")));
  EXPECT_EQ(history(), 1);
  wanted.depth = 0;
  result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(history(), 3);
  EXPECT_FALSE(fs::exists(project_ / ".git" / "shallow"));
}

TEST_F(GetSources, FetchesATag) {
  const auto sha = commit("a", "1");
  git(seed_, {"tag", "-a", "v1.0", "-m", "first"});
  git(seed_, {"push", "-q", "origin", "v1.0"});
  commit("b", "2");
  auto wanted = parameters(sha, "v1.0");
  wanted.refspecs = {"+refs/tags/v1.0:refs/tags/v1.0"};
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("(ref is v1.0)"));
  EXPECT_EQ(git(project_, {"describe", "--tags"}), "v1.0");
}

TEST_F(GetSources, FetchesAPipelineRefThatNoBranchHolds) {
  commit("a", "1");
  const auto sha = commit("b", "2", "gone");
  git(seed_, {"push", "-q", "origin", sha + ":refs/pipelines/7", ":gone"});
  auto wanted = parameters(sha);
  wanted.refspecs = {"+refs/pipelines/7:refs/pipelines/7",
                     "+refs/heads/main:refs/remotes/origin/main"};
  wanted.depth = 20;
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(head(), sha);
  EXPECT_EQ(git(project_, {"rev-parse", "refs/pipelines/7"}), sha);
}

TEST_F(GetSources, FollowsAForcePush) {
  commit("a", "1");
  ASSERT_EQ(get_sources(parameters(commit("b", "2"))).code, 0);
  git(seed_, {"reset", "-q", "--hard", "HEAD~1"});
  const auto rewritten = commit("c", "other");
  const auto result = get_sources(parameters(rewritten));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(head(), rewritten);
  EXPECT_FALSE(fs::exists(project_ / "b"));
  EXPECT_EQ(git(project_, {"rev-parse", "origin/main"}), rewritten);
}

TEST_F(GetSources, FetchesASha256Repository) {
  make_repository({"--object-format=sha256"});
  auto wanted = parameters(commit("a", "1"));
  wanted.object_format = "sha256";
  ASSERT_EQ(wanted.sha.size(), 64u);
  ASSERT_EQ(get_sources(wanted).code, 0);
  wanted.sha = commit("b", "2");
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(head(), wanted.sha);
}

TEST_F(GetSources, ChecksOutStrangeNames) {
  const std::string name = "-f $(touch pwned) `id` \"q\" \n;\xc3\xa4.txt";
  const auto sha = commit(name, "x", "feature/$(id)");
  auto wanted = parameters(sha, "feature/$(id)");
  project_ = root_ / "b" / "$(touch pwned) \"x\" \\ ;'\n#";
  wanted.project_dir = project_.string();
  temp_ = project_.string() + ".tmp";
  wanted.temp_dir = temp_.string();
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / name), "x");
  EXPECT_FALSE(fs::exists("pwned"));
  write_file(project_ / "untracked", "x");
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_FALSE(fs::exists(project_ / "untracked"));
}

TEST_F(GetSources, Case42ShortCommitsAreNoTrouble) {
  auto wanted = parameters(commit("a", "1"));
  const auto sha = wanted.sha;
  wanted.sha = sha.substr(0, 7);
  auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(green("Checking out " + wanted.sha +
                                          " as detached HEAD (ref is main)...")));
  EXPECT_EQ(head(), sha);
  wanted.sha = "x";
  result = get_sources(wanted);
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("Checking out x as detached HEAD"));
}

TEST_F(GetSources, SkipsCheckoutAndCleanWhenTold) {
  auto wanted = parameters(commit("a", "1"));
  wanted.checkout = false;
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr(green("Skipping Git checkout")));
  EXPECT_FALSE(fs::exists(project_ / "a"));
  wanted.checkout = true;
  wanted.clean_flags.clear();
  write_file(project_ / "untracked", "x");
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_TRUE(fs::exists(project_ / "a"));
  EXPECT_TRUE(fs::exists(project_ / "untracked"));
}

TEST_F(GetSources, CloneStartsFromNothing) {
  auto wanted = parameters(commit("a", "1"));
  ASSERT_EQ(get_sources(wanted).code, 0);
  write_file(project_ / ".git" / "info" / "mark", "x");
  wanted.strategy = "clone";
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("Initialized empty Git repository in "));
  EXPECT_FALSE(fs::exists(project_ / ".git" / "info" / "mark"));
  EXPECT_EQ(head(), wanted.sha);
}

TEST_F(GetSources, Case39StrategyNoneKeepsFilesAndSkipsHooks) {
  auto wanted = parameters("");
  wanted.strategy = "none";
  wanted.pre_script = "echo hook";
  write_file(project_ / "old", "x");
  const auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, green("Skipping Git repository setup") + green("Skipping Git checkout") +
                            green("Skipping Git submodules setup"));
  EXPECT_TRUE(fs::exists(project_ / "old"));
}

TEST_F(GetSources, Case39StrategyEmptyEmptiesTheDirectory) {
  auto wanted = parameters("");
  wanted.strategy = "empty";
  write_file(project_ / "old" / "deep", "x");
  fs::permissions(project_ / "old", fs::perms::none);
  const auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out,
            green("Skipping Git repository setup and creating an empty build directory") +
                green("Skipping Git checkout") + green("Skipping Git submodules setup"));
  EXPECT_TRUE(fs::is_directory(project_));
  EXPECT_TRUE(fs::is_empty(project_));
}

TEST_F(GetSources, RunsHooksWithTheVariables) {
  auto wanted = parameters(commit("a", "1"));
  wanted.variables = {{"GREETING", "it's $HOME \"x\""}};
  wanted.pre_script = "echo \"pre $GREETING\"\nexport LOST=1\n";
  wanted.post_script = "ls\ngit rev-parse HEAD\necho \"post ${LOST:-nothing}\"\n";
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::StartsWith("pre it's $HOME \"x\"\n"));
  EXPECT_THAT(result.out, ::testing::EndsWith("a\n" + wanted.sha + "\npost nothing\n"));
}

TEST_F(GetSources, AFailingHookEndsTheStageWithItsCode) {
  auto wanted = parameters(commit("a", "1"));
  wanted.pre_script = "exit 7";
  EXPECT_EQ(get_sources(wanted).code, 7);
  EXPECT_FALSE(fs::exists(project_ / ".git"));
  wanted.pre_script = "";
  wanted.post_script = "kill -9 $$";
  EXPECT_EQ(get_sources(wanted).code, 137);
}

}  // namespace
}  // namespace slipway::helper
