#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "helper/sources/git_cleanup.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

std::string green(const std::string& text) {
  return "\033[32;1m" + text + "\033[0;m\n";
}

/// The project has a submodule `lib` with a relative address, which has one of its own, `deep`.
class Submodules : public SourcesTest {
 protected:
  void SetUp() override {
    SourcesTest::SetUp();
    deep_ = add_repository("deep");
    write_file(deep_ / "deep.txt", "deep");
    const auto deep_sha = push(deep_);
    lib_ = add_repository("lib");
    write_file(lib_ / "lib.txt", "one");
    push(lib_);
    lib_sha_ = add_submodule(lib_, "deep", "../deep.git", deep_sha);
    write_file(seed_ / "a", "1");
    sha_ = add_submodule(seed_, "lib", "../lib.git", lib_sha_);
    plain_module_ = project_ / ".git" / "modules" / "lib";
    proof_ = root_ / "proof";
  }
  job::GetSourcesParameters wanted(const std::string& strategy) const {
    auto result = parameters(sha_);
    result.submodule_strategy = strategy;
    return result;
  }
  void plant(const fs::path& path) {
    write_file(path, "#!/bin/sh\ntouch '" + proof_.string() + "'\n");
    fs::permissions(path, fs::perms::all);
  }
  /// Runs a job whose repository's author is hostile.
  StageResult run_author(const std::string& path, const std::string& url, const std::string& more) {
    sha_ = add_submodule(seed_, path, url, lib_sha_, more);
    auto parameters = wanted("normal");
    parameters.submodule_paths = {path};
    return get_sources(parameters);
  }

  fs::path deep_;
  fs::path lib_;
  std::string lib_sha_;
  std::string sha_;
  fs::path plain_module_;
  fs::path proof_;
};

TEST_F(Submodules, NormalOnesComeInTheDocumentedOrder) {
  const auto result = get_sources(wanted("normal"));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "lib" / "lib.txt"), "one");
  EXPECT_FALSE(fs::exists(project_ / "lib" / "deep" / "deep.txt"));
  std::size_t position = 0;
  for (const auto& part :
       {green("Updating/initializing submodules..."),
        std::string{"Synchronizing submodule url for 'lib'"}, green("Updated submodules"),
        std::string{"Synchronizing submodule url for 'lib'"},
        green("Configuring submodules to use parent git credentials..."),
        std::string{"Entering 'lib'"}, green("Pulling LFS files...")}) {
    position = result.out.find(part, position);
    ASSERT_NE(position, std::string::npos) << part << result.out;
    position += part.size();
  }
  for (const auto& entry : fs::recursive_directory_iterator{project_})
    if (entry.is_regular_file()) {
      EXPECT_THAT(read_file(entry.path()), Not(HasSubstr(token))) << entry.path();
    }
}

TEST_F(Submodules, RecursiveOnesUseTheParentsCredentials) {
  auto parameters = wanted("recursive");
  parameters.submodule_depth = 1;
  auto result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(green("Updating/initializing submodules recursively with git "
                                          "depth set to 1...")));
  EXPECT_EQ(read_file(project_ / "lib" / "deep" / "deep.txt"), "deep");
  EXPECT_EQ(git(project_ / "lib", {"rev-list", "--count", "HEAD"}), "1");
  for (const auto* path : {"lib", "lib/deep"})
    EXPECT_EQ(git(project_ / path, {"config", "--get", "include.path"}),
              (temp_ / ".gitlab-runner.ext.conf").string());
  // As the job's own scripts would.
  git(project_ / "lib", {"fetch", "-q", "origin"});

  // The next job finds them dirty, with locks and a planted configuration, and at another commit.
  write_file(lib_ / "lib.txt", "two");
  lib_sha_ = push(lib_);
  git(seed_, {"update-index", "--cacheinfo", "160000," + lib_sha_ + ",lib"});
  git(seed_, {"commit", "-q", "-m", "newer lib"});
  git(seed_, {"push", "-q", "-f", "origin", "HEAD:refs/heads/main"});
  parameters.sha = git(seed_, {"rev-parse", "HEAD"});
  write_file(project_ / "lib" / "lib.txt", "changed");
  write_file(project_ / "lib" / "new", "x");
  write_file(project_ / "lib" / "deep" / "new", "x");
  for (const auto* lock : {"index.lock", "HEAD.lock", "modules/deep/index.lock"})
    write_file(plain_module_ / lock, "");
  plant(root_ / "program");
  for (const auto& module : {plain_module_, plain_module_ / "modules" / "deep"}) {
    git(module, {"config", "core.fsmonitor", (root_ / "program").string()});
    plant(module / "hooks" / "post-checkout");
  }
  result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "lib" / "lib.txt"), "two");
  EXPECT_FALSE(fs::exists(project_ / "lib" / "new"));
  EXPECT_FALSE(fs::exists(project_ / "lib" / "deep" / "new"));
  EXPECT_FALSE(fs::exists(proof_));
}

TEST_F(Submodules, OnlyThoseOfTheWantedPaths) {
  const auto other =
      add_submodule(seed_, "other dir/x", "../deep.git", git(deep_, {"rev-parse", "HEAD"}));
  sha_ = other;
  auto parameters = wanted("normal");
  parameters.submodule_paths = {":(exclude)lib"};
  parameters.submodule_update_flags = {"--jobs", "2"};
  auto result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(fs::exists(project_ / "other dir" / "x" / "deep.txt"));
  EXPECT_FALSE(fs::exists(project_ / "lib" / "lib.txt"));
}

TEST_F(Submodules, Case40SubmodulesAreCleanedAlsoWithoutCleanFlags) {
  auto parameters = wanted("normal");
  parameters.clean_flags.clear();
  ASSERT_EQ(get_sources(parameters).code, 0);
  write_file(project_ / "untracked", "x");
  write_file(project_ / "lib" / "untracked", "x");
  ASSERT_EQ(get_sources(parameters).code, 0);
  EXPECT_TRUE(fs::exists(project_ / "untracked"));
  EXPECT_FALSE(fs::exists(project_ / "lib" / "untracked"));
}

TEST_F(Submodules, MayBelongToAnotherUser) {
  auto parameters = wanted("recursive");
  parameters.variables = {{"GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"}};
  for (int i = 0; i < 2; ++i) {
    const auto result = get_sources(parameters);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out, Not(HasSubstr("Starting again")));
    EXPECT_EQ(read_file(project_ / "lib" / "deep" / "deep.txt"), "deep");
  }
  fs::remove(home_ / ".gitconfig");
  parameters.safe_directory = false;
  EXPECT_NE(get_sources(parameters).code, 0);
}

TEST_F(Submodules, WithoutAnyNoGitRuns) {
  git(seed_, {"rm", "-q", "-r", "-f", "."});
  auto parameters = wanted("recursive");
  parameters.sha = commit("a", "1");
  parameters.lfs = false;
  const auto result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::EndsWith(
                              green("Updating/initializing submodules recursively...") +
                              green("Updated submodules") +
                              green("Configuring submodules to use parent git credentials...")));
}

TEST_F(Submodules, AreTriedTwiceAndFailWithGitsCode) {
  sha_ = add_submodule(seed_, "gone", "../gone.git", lib_sha_);
  auto parameters = wanted("normal");
  parameters.submodule_update_flags = {"--remote"};
  const auto result = get_sources(parameters);
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("\033[0;33mWARNING: Updating submodules failed. Retrying..."));
  EXPECT_THAT(result.out, Not(HasSubstr("Updated submodules")));
}

TEST_F(Submodules, DamagedOnesAreFetchedAnew) {
  ASSERT_EQ(get_sources(wanted("recursive")).code, 0);
  write_file(plain_module_ / "HEAD", "garbage");
  const auto result = get_sources(wanted("recursive"));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Starting again without them..."));
  EXPECT_EQ(read_file(project_ / "lib" / "lib.txt"), "one");
  EXPECT_EQ(read_file(project_ / "lib" / "deep" / "deep.txt"), "deep");
}

/// What an earlier job left where a submodule belongs.
TEST_F(Submodules, ARepositoryPlantedInsteadOfOneIsRemoved) {
  ASSERT_EQ(get_sources(wanted("recursive")).code, 0);
  const auto program = root_ / "program";
  plant(program);
  const auto make_evil = [&](const fs::path& place) {
    fs::create_directories(place);
    git(place, {"init", "-q"});
    git(place, {"config", "core.fsmonitor", program.string()});
    git(place, {"config", "core.hooksPath", root_.string()});
  };
  plant(root_ / "post-checkout");
  const std::pair<const char*, std::function<void()>> tricks[] = {
      {"a repository", [&] { fs::remove_all(project_ / "lib"), make_evil(project_ / "lib"); }},
      {"a deeper repository",
       [&] {
         fs::remove_all(project_ / "lib" / "deep");
         make_evil(project_ / "lib" / "deep");
       }},
      {"a file that leads elsewhere",
       [&] {
         make_evil(root_ / "elsewhere");
         write_file(project_ / "lib" / ".git",
                    "gitdir: " + (root_ / "elsewhere" / ".git").string() + "\n");
       }},
      {"a link to another place",
       [&] {
         fs::remove_all(project_ / "lib");
         make_evil(root_ / "linked");
         write_file(root_ / "linked" / "kept", "x");
         fs::create_directory_symlink(root_ / "linked", project_ / "lib");
       }},
      {"a module that is a link",
       [&] {
         fs::remove_all(root_ / "moved");
         fs::rename(plain_module_, root_ / "moved");
         git(root_ / "moved", {"config", "core.fsmonitor", program.string()});
         fs::create_directory_symlink(root_ / "moved", plain_module_);
       }},
  };
  for (const auto& [what, trick] : tricks) {
    SCOPED_TRACE(what);
    trick();
    const auto result = get_sources(wanted("recursive"));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_FALSE(fs::exists(proof_));
    EXPECT_EQ(read_file(project_ / "lib" / "lib.txt"), "one");
    EXPECT_EQ(read_file(project_ / "lib" / "deep" / "deep.txt"), "deep");
  }
  EXPECT_TRUE(fs::exists(root_ / "linked" / "kept"));
}

/// What the author of a repository may have written into `.gitmodules`: git refuses it or ignores
/// it, and nothing that it names is run.
TEST_F(Submodules, ACommandForUpdatesIsNotRun) {
  plant(root_ / "program");
  const auto result =
      run_author("evil", "../lib.git", "\tupdate = !" + (root_ / "program").string() + "\n");
  EXPECT_FALSE(fs::exists(proof_));
  EXPECT_NE(result.code, 0);
}

TEST_F(Submodules, AddressesThatAreNoneAreRefused) {
  plant(root_ / "program");
  const auto program = (root_ / "program").string();
  const Words urls{"-u./" + program,
                   "ext::" + program,
                   "--upload-pack=" + program,
                   "../lib.git\n\tx",
                   "ssh://-oProxyCommand=" + program + "/x",
                   "file://" + seed_.string()};
  for (const auto& url : urls) {
    SCOPED_TRACE(url);
    const auto result = run_author("evil", url, "");
    EXPECT_NE(result.code, 0);
    EXPECT_FALSE(fs::exists(proof_));
    EXPECT_FALSE(fs::exists(project_ / "evil" / "a"));
    write_file(seed_ / ".gitmodules", "");
  }
}

TEST_F(Submodules, NamesAndPathsStayInTheProject) {
  auto text = "[submodule \"../../../evil\"]\n\tpath = lib\n\turl = ../lib.git\n";
  write_file(seed_ / ".gitmodules", text);
  sha_ = push(seed_);
  auto result = get_sources(wanted("recursive"));
  EXPECT_FALSE(fs::exists(project_ / ".git" / "modules" / "../../../evil"));
  text = "[submodule \"x\"]\n\tpath = ../outside\n\turl = ../lib.git\n";
  write_file(seed_ / ".gitmodules", text);
  sha_ = push(seed_);
  result = get_sources(wanted("recursive"));
  EXPECT_FALSE(fs::exists(project_.parent_path() / "outside"));
}

/// The token goes to the project's server alone.
TEST_F(Submodules, AnotherServerGetsNoToken) {
  add_repository("public");
  const auto result = run_author("other", "http://localhost" + url("lib").substr(16), "");
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr("terminal prompts disabled"));
}

TEST_F(Submodules, SshAddressesBecomeHttpsOnesWhereWanted) {
  sha_ = add_submodule(seed_, "by ssh", "git@git.example:group/deep.git",
                       git(deep_, {"rev-parse", "HEAD"}));
  auto parameters = wanted("normal");
  const auto base = parameters.url_rules.back().first + "group/";
  parameters.url_rules.emplace_back(base, "git@git.example:group/");
  const auto result = get_sources(parameters);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(fs::exists(project_ / "by ssh" / "deep.txt"));
}

TEST_F(Submodules, TheEndOfAJobCleansTheirRepositoriesAndTheirTrees) {
  ASSERT_EQ(get_sources(wanted("recursive")).code, 0);
  write_file(project_ / "lib" / "lib.txt", "changed");
  write_file(project_ / "lib" / "deep" / "new", "x");
  write_file(project_ / "new", "x");
  const nlohmann::json cleanup{{"temp_dir", temp_.string()},
                               {"project_dir", project_.string()},
                               {"clean_directory", true},
                               {"submodule_strategy", "recursive"}};
  const auto result = run_stage("cleanup_file_variables", cleanup, home_);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "lib" / "lib.txt"), "one");
  EXPECT_FALSE(fs::exists(project_ / "lib" / "deep" / "new"));
  EXPECT_FALSE(fs::exists(project_ / "new"));
  EXPECT_FALSE(fs::exists(plain_module_ / "config"));
  EXPECT_FALSE(fs::exists(plain_module_ / "modules" / "deep" / "config"));
  EXPECT_TRUE(fs::exists(plain_module_ / "HEAD"));
}

TEST_F(SourcesDirectory, CleaningModulesKeepsWhatOnlyHasTheirNames) {
  const auto modules = root_ / "project" / ".git" / "modules";
  for (const auto* file :
       {"a/HEAD", "a/config", "a/refs/heads/config", "a/objects/config", "group/b/HEAD",
        "group/b/config", "group/b/hooks/post-checkout", "group/b/modules/c/HEAD",
        "group/b/modules/c/commondir", "nohead/config"})
    write_file(modules / file, "x");
  clean_git_directory(root_ / "project", root_ / "tmp" / "git-template", {true, true});
  const auto there = [&](const char* file) { return fs::exists(modules / file); };
  for (const auto* file : {"a/HEAD", "a/refs/heads/config", "a/objects/config", "group/b/HEAD",
                           "group/b/modules/c/HEAD", "nohead/config"})
    EXPECT_TRUE(there(file)) << file;
  for (const auto* file :
       {"a/config", "group/b/config", "group/b/hooks", "group/b/modules/c/commondir"})
    EXPECT_FALSE(there(file)) << file;
}

}  // namespace
}  // namespace slipway::helper
