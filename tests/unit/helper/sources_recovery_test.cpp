#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* again = "git failed in the repository of an earlier job. Starting again";

/// A repository of an earlier job that a crash, a full disk or that job has damaged.
class DamagedSources : public SourcesTest {
 protected:
  void SetUp() override {
    SourcesTest::SetUp();
    commit("a", "1");
    ASSERT_EQ(get_sources(parameters(commit("b", "2"))).code, 0);
    git_dir_ = project_ / ".git";
  }
  /// One of the repository's loose object files.
  fs::path some_object() const {
    for (const auto& entry : fs::recursive_directory_iterator{git_dir_ / "objects"})
      if (entry.is_regular_file()) return entry.path();
    return {};
  }

  fs::path git_dir_;
};

TEST_F(DamagedSources, AreReplacedByAFreshClone) {
  const std::pair<const char*, std::function<void()>> damages[] = {
      {"objects are a file",
       [this] {
         fs::remove_all(git_dir_ / "objects");
         write_file(git_dir_ / "objects", "no directory");
       }},
      {"HEAD is garbage", [this] { write_file(git_dir_ / "HEAD", "garbage"); }},
      {"empty objects",
       [this] {
         for (const auto& entry : fs::recursive_directory_iterator{git_dir_ / "objects"})
           if (entry.is_regular_file()) {
             fs::permissions(entry.path(), fs::perms::owner_all);
             write_file(entry.path(), "");
           }
       }},
      {"a broken reference",
       [this] { write_file(git_dir_ / "refs" / "remotes" / "origin" / "main", "half"); }},
      {"a broken index", [this] { write_file(git_dir_ / "index", "DIRCgarbage"); }},
      {"a broken shallow file", [this] { write_file(git_dir_ / "shallow", "garbage\n"); }},
  };
  int number = 0;
  for (const auto& [what, damage] : damages) {
    SCOPED_TRACE(what);
    damage();
    write_file(project_ / "untracked", "x");
    const auto sha = commit("b", std::to_string(++number));
    const auto result = get_sources(parameters(sha));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(again));
    EXPECT_EQ(head(), sha);
    EXPECT_EQ(read_file(project_ / "b"), std::to_string(number));
    EXPECT_FALSE(fs::exists(project_ / "untracked"));
    git(project_, {"fsck", "--strict"});
  }
}

TEST_F(DamagedSources, StayWhereTheServerIsToBlame) {
  auto wanted = parameters(commit("c", "3"));
  const auto expect_kept = [&](const char* what) {
    SCOPED_TRACE(what);
    const auto result = get_sources(wanted);
    EXPECT_NE(result.code, 0);
    EXPECT_THAT(result.out, Not(HasSubstr(again)));
    EXPECT_TRUE(fs::exists(git_dir_ / "refs" / "remotes" / "origin" / "main"));
  };
  add_credentials(wanted, "wrong");
  expect_kept("a token that is refused");
  add_credentials(wanted, token);
  wanted.refspecs = {"+refs/pipelines/9:refs/pipelines/9",
                     "+refs/heads/main:refs/remotes/origin/main"};
  expect_kept("a reference that is gone");
  wanted = parameters(wanted.sha);
  wanted.remote_url = "http://127.0.0.1:1/group/project.git";
  expect_kept("no server");
}

TEST_F(DamagedSources, AreGivenUpAfterASecondFailure) {
  const auto result = get_sources(parameters(std::string(40, 'e')));
  EXPECT_EQ(result.code, 128);
  EXPECT_THAT(result.out, HasSubstr(again));
  EXPECT_THAT(result.err, HasSubstr("fatal:"));
}

TEST_F(DamagedSources, AreCollectedWhenTheyHaveManyObjects) {
  for (int i = 0; i < 45; ++i)
    write_file(git_dir_ / "objects" / "17" / (std::string(36, 'a') + std::to_string(10 + i)), "");
  // git tries to, and trips over what is no object.
  const auto result = get_sources(parameters(commit("c", "3")));
  EXPECT_THAT(result.err + std::to_string(result.code), HasSubstr("error"));
}

/// A repository made without `git init` is the one that git would have made.
TEST_F(DamagedSources, AFreshRepositoryIsWhatGitInitMakes) {
  const auto reference = root_ / "reference";
  git(root_, {"-c", "init.defaultBranch=none", "init", "-q", reference.string(), "--template",
              (temp_ / "git-template").string()});
  fs::remove_all(project_);
  auto wanted = parameters(commit("c", "3"));
  wanted.checkout = false;
  wanted.fetch_flags = {"--dry-run"};
  ASSERT_EQ(get_sources(wanted).code, 0);
  const auto files = [](const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{directory})
      names.push_back(entry.path().lexically_relative(directory).string());
    std::sort(names.begin(), names.end());
    return names;
  };
  auto made = files(git_dir_);
  // git fetch brings objects even for a dry run.
  std::erase_if(made, [](const std::string& name) {
    return name.starts_with("objects/") && name != "objects/info" && name != "objects/pack";
  });
  EXPECT_EQ(made, files(reference / ".git"));
  EXPECT_EQ(read_file(git_dir_ / "HEAD"), read_file(reference / ".git" / "HEAD"));
  const auto settings = [this](const fs::path& config) {
    return git(root_, {"config", "--list", "--no-includes", "-f", config.string()});
  };
  const auto ours = settings(git_dir_ / "config");
  EXPECT_EQ(ours.substr(0, ours.find("\nremote.")), settings(reference / ".git" / "config"));
}

TEST_F(DamagedSources, GitItselfInitializesWhereSomethingUnusualIsAskedFor) {
  fs::remove_all(project_);
  write_file(home_ / ".gitconfig", "[core]\n\tsharedRepository = group\n");
  const auto result = get_sources(parameters(commit("c", "3")));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(git(project_, {"config", "--get", "core.sharedrepository"}), "1");
}

TEST_F(DamagedSources, FilesThatNoJobKnowsAreCleanedUpInAnEmptyDirectoryOnlyWhenNeeded) {
  fs::remove_all(project_);
  write_file(project_ / "before" / "file", "x");
  auto wanted = parameters(commit("c", "3"));
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_FALSE(fs::exists(project_ / "before"));
  fs::remove_all(project_);
  wanted.clean_flags = {"--no-such-flag"};
  EXPECT_EQ(get_sources(wanted).code, 129);
}

}  // namespace
}  // namespace slipway::helper
