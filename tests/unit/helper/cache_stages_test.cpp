// The stages as a job's log shows them, each in a process of its own.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "artifacts_fixture.hpp"
#include "cache_fixture.hpp"
#include "helper/cache/stages.hpp"

namespace slipway::helper::cache {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CacheStages : public CacheTest {
 protected:
  // What `stage` prints, without colours; it has to end with 0.
  std::string run(const std::function<int()>& stage) const {
    const auto output = root_ / "output";
    const auto pid = fork();
    if (pid == 0) {
      const Fd file{
          open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)};
      dup2(file.get(), STDOUT_FILENO);
      _exit(stage());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return plain(read_file(output));
  }

  std::string restore_stage(std::vector<job::CacheRestore> caches, bool clean_up = false,
                            std::vector<std::pair<std::string, std::string>> variables = {}) const {
    job::RestoreCacheParameters parameters;
    parameters.project_dir = project_.string();
    parameters.clean_up_failed = clean_up;
    parameters.variables = std::move(variables);
    parameters.caches = std::move(caches);
    return run([&] { return restore_caches(parameters); });
  }
  std::string save_stage(std::vector<job::CacheSave> caches,
                         std::vector<std::pair<std::string, std::string>> variables = {}) const {
    job::SaveCacheParameters parameters;
    parameters.project_dir = project_.string();
    parameters.variables = std::move(variables);
    parameters.caches = std::move(caches);
    return run([&] { return save_caches(parameters); });
  }

  static std::string place(const std::string& key) {
    return "../../cache/project/" + key + "/cache.zip";
  }
  static job::CacheRestore wanted(const std::vector<std::string>& keys) {
    job::CacheRestore cache;
    for (const auto& key : keys) cache.candidates.push_back({key, place(key), {}, {}});
    return cache;
  }
  static job::CacheSave kept(const std::string& key, std::vector<std::string> paths) {
    job::CacheSave cache;
    cache.key = key;
    cache.file = place(key);
    cache.alternate_file = place("hash of " + key);
    cache.paths = std::move(paths);
    return cache;
  }
};

TEST_F(CacheStages, SaveAndRestoreSayWhatTheyDo) {
  write("vendor/f", "text");
  auto out = save_stage({kept("key", {"$WHERE/"})}, {{"WHERE", "vendor"}});
  EXPECT_THAT(out, HasSubstr("Creating cache key..."));
  EXPECT_THAT(out, HasSubstr("vendor/: found 2 matching artifact files and directories"));
  EXPECT_THAT(out, HasSubstr("Created cache"));
  fs::remove_all(project_ / "vendor");
  out = restore_stage({wanted({"key"})});
  EXPECT_THAT(out, AllOf(HasSubstr("Checking cache for key..."),
                         HasSubstr("Successfully extracted cache")));
  EXPECT_EQ(read_file(project_ / "vendor/f"), "text");
}

TEST_F(CacheStages, FallbackKeysAreTriedInTheirOrder) {
  write("f", "second");
  save_stage({kept("second", {"f"})});
  write("f", "third");
  save_stage({kept("third", {"f"})});
  const auto out = restore_stage({wanted({"first", "second", "third"})});
  EXPECT_THAT(
      out, AllOf(HasSubstr("Checking cache for first..."), HasSubstr("Cache file does not exist"),
                 HasSubstr("Failed to extract cache\nChecking cache for second..."),
                 Not(HasSubstr("third"))));
  EXPECT_EQ(read_file(project_ / "f"), "second");
}

TEST_F(CacheStages, Case12NothingThatGoesWrongFailsTheJob) {
  write("f", "x");
  auto save = kept("key", {"f"});
  save.url = "http://127.0.0.1:1/refused";
  save.file = "/proc/nowhere/cache.zip";
  EXPECT_THAT(save_stage({save}), AllOf(HasSubstr("FATAL: "), HasSubstr("Failed to create cache")));
  EXPECT_THAT(restore_stage({wanted({"none"})}), HasSubstr("Failed to extract cache"));
}

TEST_F(CacheStages, Case54NotesOfTheDaemonStandWhereTheyBelong) {
  write("f", "x");
  auto pulled = kept("", {});
  pulled.notes = {{false, "Not uploading cache other due to policy"}};
  auto odd = kept("key", {"f"});
  odd.notes = {{true, "cache key \"../key\" sanitized to \"key\""}};
  const auto out = save_stage({pulled, odd});
  EXPECT_THAT(out, HasSubstr("Not uploading cache other due to policy\n"
                             "WARNING: cache key \"../key\" sanitized to \"key\"\n"
                             "Creating cache key..."));
  job::CacheRestore none;
  none.notes = {{false, "Not downloading cache key due to policy"}};
  EXPECT_EQ(restore_stage({none}), "Not downloading cache key due to policy\n");
}

TEST_F(CacheStages, Case53UntrackedFilesAloneAreACache) {
  const auto git = [&](const std::string& arguments) {
    return std::system(
        ("cd " + project_.string() + " && git " + arguments + " >/dev/null").c_str());
  };
  ASSERT_EQ(git("init -q"), 0);
  write("build/out.o", "object");
  auto cache = kept("key", {});
  cache.untracked = true;
  EXPECT_THAT(save_stage({cache}), HasSubstr("untracked: found 1 files"));
  EXPECT_EQ(listed(), "build/out.o\n");
}

TEST_F(CacheStages, WhatAFailedExtractionLeftIsRemovedOnRequest) {
  write("vendor/half", "x");
  write("keep", "x");
  fs::create_directories(root_ / "outside");
  write_file(root_ / "outside/f", "x");
  fs::create_symlink(root_ / "outside", project_ / "link");
  auto cache = wanted({"none"});
  cache.paths = {"vendor/", "*", "../../outside", "link/f", ".", "", "vendor/../.."};
  EXPECT_THAT(restore_stage({cache}), Not(HasSubstr("Removing")));
  EXPECT_TRUE(fs::exists(project_ / "vendor/half"));
  const auto out = restore_stage({cache}, true);
  EXPECT_THAT(out, AllOf(HasSubstr("Removing vendor/\n"),
                         HasSubstr("link/f: not below the project directory, and not removed"),
                         HasSubstr("../../outside: not below the project directory")));
  EXPECT_FALSE(fs::exists(project_ / "vendor"));
  EXPECT_TRUE(fs::exists(project_ / "keep"));
  EXPECT_TRUE(fs::exists(root_ / "outside/f"));
}

TEST_F(CacheStages, SettingsComeFromTheEnvironment) {
  write("f", std::string(3000, 'x'));
  const auto out = save_stage({kept("key", {"f"})}, {{"CACHE_COMPRESSION_LEVEL", "best"},
                                                     {"CACHE_COMPRESSION_FORMAT", "tarzstd"}});
  EXPECT_THAT(out, HasSubstr("compression level \"best\" is invalid, falling back to default"));
  const auto bytes = read_file(file_);
  EXPECT_TRUE(bytes.starts_with("\x28\xB5\x2F\xFD"));
  server_.put("object", {bytes, ""});
  auto cache = wanted({"elsewhere"});
  cache.candidates[0].object = {server_.url("object"), server_.url("object")};
  const auto restored = restore_stage({cache}, false,
                                      {{"FF_USE_PARALLEL_CACHE_TRANSFER", "true"},
                                       {"CACHE_CHUNK_SIZE", "0"},
                                       {"CACHE_CONCURRENCY", "4"}});
  EXPECT_THAT(restored, HasSubstr("WARNING: CACHE_CHUNK_SIZE: expected a number from 65536 to "
                                  "1073741824, using 16777216"));
  EXPECT_THAT(restored, HasSubstr("Successfully extracted cache"));
  EXPECT_EQ(server_.seen().at(0).headers.get("Range"), "bytes=0-0");
}

}  // namespace
}  // namespace slipway::helper::cache
