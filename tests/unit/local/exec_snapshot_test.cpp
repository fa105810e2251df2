#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "exec_repository.hpp"
#include "local/exec/snapshot.hpp"

namespace slipway::local::exec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ExecSnapshot : public RepositoryTest {
 protected:
  std::string snapshot() const {
    const auto tree = WorkTree::find(root);
    SnapshotStore store{tree, state};
    return store.commit_work_tree();
  }
  /// git on the repository that is served.
  Git served() const {
    const auto tree = WorkTree::find(root);
    return Git{SnapshotStore{tree, state}.bare()};
  }
  std::vector<std::string> files_of(const std::string& commit) const {
    return split_nul(served().run({"ls-tree", "-r", "-z", "--name-only", commit}));
  }
  /// Everything below a directory: content, mode, owner, time.
  static std::map<std::string, std::string> look(const std::filesystem::path& directory) {
    std::map<std::string, std::string> seen;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
      struct stat info {};
      ::lstat(entry.path().c_str(), &info);
      auto text = std::to_string(info.st_mode) + " " + std::to_string(info.st_uid) + " " +
                  std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
      // git gives what is wanted again a new time, so that nobody prunes it.
      const auto name = entry.path().string();
      if (name.find("/.git/objects/") != std::string::npos ||
          name.find("/.git/sharedindex.") != std::string::npos)
        text = std::to_string(info.st_mode);
      if (entry.is_regular_file()) text += " " + read(entry.path());
      seen[entry.path().string()] = std::move(text);
    }
    return seen;
  }
};

TEST_F(ExecSnapshot, CleanTreeIsHead) {
  init();
  write("a", "1");
  const auto head = commit();
  EXPECT_EQ(snapshot(), head);
}

TEST_F(ExecSnapshot, HasWhatIsNotCommitted) {
  init();
  write("kept", "1");
  write("changed", "1");
  write("removed", "1");
  write("staged", "1");
  write(".gitignore", "ignored\n*.tmp\n");
  const auto head = commit("Title\n\nBody");
  write("changed", "2");
  write("staged", "2");
  git().run({"add", "staged"});
  write("staged", "3");
  std::filesystem::remove(root / "removed");
  write("new file", "n");
  write("dir/also new", "n");
  write("ignored", "secret");
  write("dir/x.tmp", "secret");
  write(".slipway-variables", "TOKEN=secret");
  const auto sha = snapshot();
  EXPECT_NE(sha, head);
  EXPECT_THAT(files_of(sha),
              ElementsAre(".gitignore", "changed", "dir/also new", "kept", "new file", "staged"));
  EXPECT_EQ(served().run({"cat-file", "blob", sha + ":staged"}), "3");
  EXPECT_EQ(served().run({"cat-file", "blob", sha + ":changed"}), "2");
  EXPECT_EQ(served().run({"log", "-1", "--format=%P %an %s", sha}), head + " Ann Author Title");
}

TEST_F(ExecSnapshot, SameFilesSameCommit) {
  init();
  write("a", "1");
  commit();
  write("a", "2");
  const auto first = snapshot();
  EXPECT_EQ(snapshot(), first);
  write("a", "3");
  EXPECT_NE(snapshot(), first);
  write("a", "2");
  EXPECT_EQ(snapshot(), first);
}

/// A file of the same size, written within the same tick as the index.
TEST_F(ExecSnapshot, QuickChangesAreSeen) {
  init();
  for (int round = 0; round < 30; ++round) {
    write("a", "x" + std::to_string(round % 10));
    git().run({"add", "a"});
    write("a", "y" + std::to_string(round % 10));
    const auto sha = snapshot();
    ASSERT_EQ(served().run({"cat-file", "blob", sha + ":a"}), "y" + std::to_string(round % 10));
  }
}

TEST_F(ExecSnapshot, TouchesNothing) {
  init();
  write("a", "1");
  write("script.sh", "#!/bin/sh\n");
  std::filesystem::permissions(root / "script.sh", std::filesystem::perms::owner_all);
  commit();
  write("a", "2");
  write("new", "n");
  git().run({"add", "a"});
  write("a", "3");
  const auto status = git().run({"status", "--porcelain"});
  const auto before = look(root);
  const auto sha = snapshot();
  EXPECT_EQ(look(root), before);
  EXPECT_EQ(git().run({"status", "--porcelain"}), status);
  EXPECT_THAT(served().run({"ls-tree", sha, "script.sh"}), HasSubstr("100755"));
  // The real repository has never heard of the commit.
  EXPECT_FALSE(git().ask({"cat-file", "-e", sha}));
}

TEST_F(ExecSnapshot, SettingsThatWouldWriteBesideTheIndex) {
  init();
  write("a", "1");
  git().run({"config", "core.splitIndex", "true"});
  git().run({"config", "commit.gpgSign", "true"});
  git().run({"config", "user.signingKey", "nobody"});
  git().run({"add", "--all"});
  git().run({"-c", "commit.gpgSign=false", "commit", "--quiet", "-m", "x"});
  write("b", "2");
  const auto before = look(root);
  EXPECT_THAT(files_of(snapshot()), ElementsAre("a", "b"));
  EXPECT_EQ(look(root), before);
}

TEST_F(ExecSnapshot, WithoutCommits) {
  init();
  write("a", "1");
  const auto sha = snapshot();
  EXPECT_THAT(files_of(sha), ElementsAre("a"));
  EXPECT_EQ(served().run({"log", "--format=%s", sha}), "Work tree");
}

TEST_F(ExecSnapshot, EmptyRepository) {
  init();
  EXPECT_THAT(files_of(snapshot()), testing::IsEmpty());
}

TEST_F(ExecSnapshot, IgnoredButTracked) {
  init();
  write(".gitignore", "build\n");
  write("build", "1");
  git().run({"add", "--force", "build", ".gitignore"});
  git().run({"commit", "--quiet", "-m", "x"});
  write("build", "2");
  const auto sha = snapshot();
  EXPECT_EQ(served().run({"cat-file", "blob", sha + ":build"}), "2");
  // Tracked after our index was made.
  write(".gitignore", "build\nlate\n");
  write("late", "3");
  EXPECT_THAT(files_of(snapshot()), Not(testing::Contains("late")));
  git().run({"add", "--force", "late"});
  EXPECT_THAT(files_of(snapshot()), testing::Contains("late"));
}

TEST_F(ExecSnapshot, AnotherBranchIsAnotherTree) {
  init();
  write("a", "1");
  commit();
  git().run({"checkout", "--quiet", "-b", "other"});
  write("b", "1");
  const auto other = commit();
  EXPECT_EQ(snapshot(), other);
  git().run({"checkout", "--quiet", "main"});
  EXPECT_THAT(files_of(snapshot()), ElementsAre("a"));
}

TEST_F(ExecSnapshot, FromALinkedWorkTree) {
  init();
  write("a", "1");
  commit();
  const auto linked = base / "linked";
  git().run({"worktree", "add", "--quiet", "-b", "side", linked.string()});
  root = linked;
  write("b", "1");
  EXPECT_THAT(files_of(snapshot()), ElementsAre("a", "b"));
  EXPECT_EQ(WorkTree::find(root).facts().ref, "side");
}

TEST_F(ExecSnapshot, OwnLockOfAKilledRunIsNoObstacle) {
  init();
  write("a", "1");
  commit();
  snapshot();
  std::ofstream{SnapshotStore{WorkTree::find(root), state}.directory() / "index.lock"} << "";
  write("a", "2");
  EXPECT_EQ(served().run({"cat-file", "blob", snapshot() + ":a"}), "2");
}

TEST_F(ExecSnapshot, PublishedAsGitLabWould) {
  init();
  write("a", "1");
  const auto first = commit();
  git().run({"tag", "-a", "v1", "-m", "tag"});
  git().run({"branch", "zeta"});
  write("a", "2");
  const auto tree = WorkTree::find(root);
  SnapshotStore store{tree, state};
  auto facts = tree.facts();
  facts.sha = store.commit_work_tree();
  facts.pipeline_id = store.next_pipeline();
  EXPECT_EQ(facts.pipeline_id, 1);
  EXPECT_EQ(store.next_pipeline(), 2);
  store.publish(facts);
  const Git bare{store.bare()};
  EXPECT_EQ(bare.run({"rev-parse", "refs/heads/main"}), facts.sha);
  EXPECT_EQ(bare.run({"rev-parse", "refs/pipelines/1"}), facts.sha);
  EXPECT_EQ(bare.run({"rev-parse", "refs/heads/zeta"}), first);
  EXPECT_EQ(bare.run({"rev-parse", "v1^{commit}"}), first);
  EXPECT_EQ(bare.run({"rev-parse", "HEAD"}), facts.sha);
  // A shallow clone over the file protocol, as a job fetches it.
  const auto clone = base / "clone";
  Git{base}.run({"-c", "protocol.file.allow=always", "clone", "--quiet", "--depth=1",
                 "file://" + store.bare().string(), clone.string()});
  EXPECT_EQ(read(clone / "a"), "2");
  store.tidy();
}

TEST_F(ExecSnapshot, OldPipelinesAreForgotten) {
  init();
  write("a", "1");
  commit();
  const auto tree = WorkTree::find(root);
  SnapshotStore store{tree, state};
  auto facts = tree.facts();
  for (int number = 1; number <= 25; ++number) {
    facts.pipeline_id = store.next_pipeline();
    store.publish(facts);
  }
  const auto refs =
      Git{store.bare()}.run({"for-each-ref", "--format=%(refname)", "refs/pipelines"});
  EXPECT_EQ(std::count(refs.begin(), refs.end(), '\n') + 1, 20);
  EXPECT_THAT(refs, Not(HasSubstr("refs/pipelines/5\n")));
}

TEST_F(ExecSnapshot, ShallowRepository) {
  init();
  for (int number = 0; number < 3; ++number) {
    write("a", std::to_string(number));
    commit();
  }
  const auto clone = base / "shallow";
  Git{base}.run({"-c", "protocol.file.allow=always", "clone", "--quiet", "--depth=1",
                 "file://" + root.string(), clone.string()});
  root = clone;
  write("a", "new");
  const auto tree = WorkTree::find(root);
  EXPECT_TRUE(tree.shallow());
  SnapshotStore store{tree, state};
  auto facts = tree.facts();
  facts.sha = store.commit_work_tree();
  store.publish(facts);
  Git{store.bare()}.run({"fsck", "--connectivity-only"});
}

}  // namespace
}  // namespace slipway::local::exec
