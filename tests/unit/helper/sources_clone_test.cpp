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

/// FF_USE_GIT_NATIVE_CLONE. The git of PATH is one that calls itself 2.49, notes what it is asked
/// for, and gives what it can to the real one (`--revision`, which is new, as a branch).
class NativeClone : public SourcesTest {
 protected:
  void SetUp() override {
    SourcesTest::SetUp();
    commit("a", "1");
    sha_ = commit("b", "2");
    install("2.49.0");
  }
  void install(const std::string& version) {
    const auto program = root_ / "bin" / "git";
    write_file(program, "#!/bin/bash\nPATH=${PATH#*:}\n[ \"$1\" = version ] && echo git version " +
                            version + " && exit\nprintf '%s|' \"$@\" >> '" +
                            (root_ / "calls").string() + "'; echo >> '" +
                            (root_ / "calls").string() +
                            "'\nfor word; do\n  shift\n  case $word in --revision) set -- \"$@\" "
                            "--branch;; refs/heads/main) set -- \"$@\" main;; *) set -- \"$@\" "
                            "\"$word\";; esac\ndone\nexec git \"$@\"\n");
    fs::permissions(program, fs::perms::all);
  }
  job::GetSourcesParameters wanted() const {
    auto result = parameters(sha_);
    result.strategy = "clone";
    result.native_clone = true;
    result.variables = {{"PATH", (root_ / "bin").string() + ":" + std::getenv("PATH")}};
    return result;
  }
  std::string calls() const { return read_file(root_ / "calls"); }

  std::string sha_;
};

TEST_F(NativeClone, ClonesABranch) {
  auto parameters = wanted();
  parameters.depth = 1;
  parameters.clone_flags = {"--no-tags"};
  write_file(project_ / "old", "x");
  const auto result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("Git version at least \"2.49\"\n" +
                        green("Cloning repository for main with git depth set to 1...")));
  EXPECT_THAT(calls(),
              HasSubstr("|clone|--no-checkout|" + parameters.remote_url + "|" + project_.string() +
                        "|--template|" + (temp_ / "git-template").string() +
                        "|--depth|1|--branch|main|--no-tags|"));
  EXPECT_THAT(calls(), Not(HasSubstr("|fetch|")));
  EXPECT_EQ(head(), sha_);
  EXPECT_EQ(history(), 1);
  EXPECT_FALSE(fs::exists(project_ / "old"));
  EXPECT_THAT(read_file(project_ / ".git" / "config"), Not(HasSubstr(token)));
  EXPECT_EQ(git(project_, {"config", "--get", "include.path"}),
            (temp_ / ".gitlab-runner.ext.conf").string());
}

TEST_F(NativeClone, ClonesAReference) {
  auto parameters = wanted();
  parameters.ref = "refs/heads/main";
  ASSERT_EQ(get_sources(parameters).code, 0);
  EXPECT_THAT(calls(), HasSubstr("|--revision|refs/heads/main|"));
  EXPECT_EQ(head(), sha_);
}

TEST_F(NativeClone, FetchesACommitThatTheCloneDoesNotHold) {
  auto parameters = wanted();
  parameters.depth = 1;
  parameters.sha = commit("c", "3", "other");
  git(seed_, {"push", "-q", "-f", "origin", sha_ + ":refs/heads/main"});
  parameters.refspecs = {"+refs/heads/other:refs/remotes/origin/other"};
  const auto result = get_sources(parameters);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(head(), parameters.sha);
}

TEST_F(NativeClone, IsNotForAnOlderGitNorForAFetch) {
  for (const auto* version : {"2.48.9", "1.99", "garbage", "2"}) {
    install(version);
    const auto result = get_sources(wanted());
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(green("Fetching changes...")));
  }
  install("3.0");
  EXPECT_THAT(get_sources(wanted()).out, HasSubstr(green("Cloning repository for main...")));
  auto parameters = wanted();
  parameters.strategy = "fetch";
  EXPECT_THAT(get_sources(parameters).out, HasSubstr(green("Fetching changes...")));
}

}  // namespace
}  // namespace slipway::helper
