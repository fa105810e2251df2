#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <cstdlib>

#include "helper/sources/git_index.hpp"
#include "helper/sources/lfs.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string sha256(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string result;
  for (const auto byte : digest) {
    result += "0123456789abcdef"[byte >> 4];
    result += "0123456789abcdef"[byte & 15];
  }
  return result;
}

/// Needs git-lfs; the server answers its batch API.
class LfsSources : public SourcesTest {
 protected:
  /// Commits a pointer to `content`, which the server keeps, without git-lfs taking part.
  std::string commit_pointer(const fs::path& work, const std::string& file,
                             const std::string& content) {
    const auto id = sha256(content);
    store_lfs_object(id, content);
    write_file(work / ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    write_file(root_ / "pointer", pointer(content));
    const auto blob =
        git(work, {"hash-object", "-w", "--no-filters", (root_ / "pointer").string()});
    git(work, {"update-index", "--add", "--cacheinfo", "100644," + blob + "," + file});
    git(work, {"add", ".gitattributes"});
    git(work, {"commit", "-q", "-m", file});
    git(work, {"push", "-q", "-f", "origin", "HEAD:refs/heads/main"});
    return git(work, {"rev-parse", "HEAD"});
  }
  static std::string pointer(const std::string& content) {
    return "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256(content) + "\nsize " +
           std::to_string(content.size()) + "\n";
  }
};

TEST_F(LfsSources, BringsTheContents) {
  const std::string content(100'000, 'L');
  auto wanted = parameters(commit_pointer(seed_, "dir/big.bin", content));
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "dir" / "big.bin"), content);
  EXPECT_THAT(result.out, HasSubstr("\n\n\033[32;1mSkipping Git submodules setup"));
  EXPECT_THAT(served_requests(), HasSubstr("info/lfs/objects/batch"));
}

TEST_F(LfsSources, LeavesPointersWhereWanted) {
  auto wanted = parameters(commit_pointer(seed_, "big.bin", "content"));
  wanted.lfs = false;
  wanted.variables = {{"GIT_LFS_SKIP_SMUDGE", "true"}};
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(read_file(project_ / "big.bin"), pointer("content"));
  EXPECT_THAT(served_requests(), Not(HasSubstr("lfs")));
}

TEST_F(LfsSources, AMissingObjectFailsTheStage) {
  auto wanted = parameters(commit_pointer(seed_, "big.bin", "content"));
  store_lfs_object(sha256("content"), "something else");
  const auto result = get_sources(wanted);
  EXPECT_NE(result.code, 0);
}

TEST_F(LfsSources, BringsThoseOfSubmodules) {
  const auto lib = add_repository("lib");
  const auto lib_sha = commit_pointer(lib, "lib.bin", "of the submodule");
  auto wanted = parameters(add_submodule(seed_, "lib", "../lib.git", lib_sha));
  wanted.submodule_strategy = "normal";
  const auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\033[32;1mPulling LFS files...\033[0;m\n"));
  EXPECT_EQ(read_file(project_ / "lib" / "lib.bin"), "of the submodule");
}

TEST_F(LfsSources, TheIndexTellsWhetherThereIsAny) {
  const auto environment = Environment::inherited();
  const auto summary = [&] { return read_index(seed_ / ".git", 20); };
  ASSERT_TRUE(summary());
  EXPECT_THAT(summary()->attribute_files, IsEmpty());
  const auto sub = commit("a", "1");
  write_file(seed_ / "sub" / "dir" / ".gitattributes", "* text=auto\n");
  write_file(seed_ / "no.gitattributes", "lfs");
  write_file(seed_ / std::string(200, 'n') / std::string(200, 'm'), "x");
  add_submodule(seed_, "vendor/x", "../x.git", sub);
  EXPECT_FALSE(may_use_lfs(seed_, 20, environment));
  for (const auto* version : {"2", "3", "4"}) {
    SCOPED_TRACE(version);
    git(seed_, {"update-index", "--index-version", version, "--skip-worktree", "a"});
    ASSERT_TRUE(summary());
    EXPECT_THAT(summary()->attribute_files, ElementsAre("sub/dir/.gitattributes"));
    EXPECT_THAT(summary()->gitlinks, ElementsAre("vendor/x"));
  }
  write_file(seed_ / "sub" / "dir" / ".gitattributes", "*.bin filter=lfs\n");
  EXPECT_TRUE(may_use_lfs(seed_, 20, environment));
  write_file(seed_ / "sub" / "dir" / ".gitattributes", "");
  write_file(seed_ / ".git" / "info" / "attributes", "*.bin filter=lfs\n");
  EXPECT_TRUE(may_use_lfs(seed_, 20, environment));
}

TEST_F(LfsSources, AnIndexThatDoesNotHoldEverythingIsNotBelieved) {
  commit("a", "1");
  git(seed_, {"-c", "splitIndex.maxPercentChange=100", "update-index", "--split-index"});
  EXPECT_FALSE(read_index(seed_ / ".git", 20));
  git(seed_, {"update-index", "--no-split-index"});
  ASSERT_TRUE(read_index(seed_ / ".git", 20));
  const auto index = read_file(seed_ / ".git" / "index");
  for (std::size_t size = 0; size < index.size(); ++size) {
    write_file(seed_ / ".git" / "index", index.substr(0, size));
    read_index(seed_ / ".git", 20);
    read_index(seed_ / ".git", 32);
  }
  auto forged = index;
  for (std::size_t i = 0; i < forged.size(); ++i) {
    forged[i] = static_cast<char>(forged[i] ^ 0xff);
    write_file(seed_ / ".git" / "index", forged);
    read_index(seed_ / ".git", 20);
    forged[i] = index[i];
  }
  fs::remove(seed_ / ".git" / "index");
  EXPECT_TRUE(read_index(seed_ / ".git", 20));
  fs::create_symlink("/etc/passwd", seed_ / ".git" / "index");
  EXPECT_FALSE(read_index(seed_ / ".git", 20));
}

TEST_F(LfsSources, AnIndexOfSha256) {
  make_repository({"--object-format=sha256"});
  write_file(seed_ / ".gitattributes", "x");
  commit("a", "1");
  const auto summary = read_index(seed_ / ".git", hash_size("sha256"));
  ASSERT_TRUE(summary);
  EXPECT_THAT(summary->attribute_files, ElementsAre(".gitattributes"));
}

}  // namespace
}  // namespace slipway::helper
