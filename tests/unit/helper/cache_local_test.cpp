// The local store: what is saved is restored, and never anything torn.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "archive_fixture.hpp"
#include "cache_fixture.hpp"
#include "helper/archive/extract.hpp"
#include "helper/cache/http_date.hpp"

namespace slipway::helper::cache {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using CacheLocal = CacheTest;

void age(const fs::path& path, int seconds) {
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  const timespec times[2] = {{0, UTIME_OMIT}, {status.st_mtim.tv_sec - seconds, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

TEST_F(CacheLocal, WhatIsSavedIsRestored) {
  write("vendor/a/b.txt", "text");
  fs::create_symlink("a/b.txt", project_ / "vendor/link");
  write("other", "not cached");
  EXPECT_EQ(save(save_request({"$DIR/", "none"})), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("vendor/: found 4 matching artifact files and directories"));
  EXPECT_THAT(log_, HasSubstr("WARNING: none: no matching files."));
  EXPECT_THAT(log_, HasSubstr("No URL provided, cache will not be uploaded to shared cache server. "
                              "Cache will be stored only locally."));
  EXPECT_EQ(listed(), "vendor/\nvendor/a/\nvendor/a/b.txt\nvendor/link\n");
  EXPECT_EQ(read_file(file_.parent_path() / "metadata.json"), "{\"cachekey\":\"key\"}");
  struct stat status {};
  stat((file_.parent_path() / "metadata.json").c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
  stat(file_.parent_path().c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_THAT(store_files(), ElementsAre("cache.zip", "metadata.json"));
  fs::remove_all(project_);
  fs::create_directories(project_);
  EXPECT_EQ(restore(restore_request()), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("No URL provided, cache will not be downloaded from shared cache "
                              "server. Instead a local version of cache will be extracted."));
  EXPECT_EQ(read_file(project_ / "vendor/link"), "text");
  EXPECT_FALSE(fs::exists(project_ / "other"));
}

TEST_F(CacheLocal, Case51TheFormatIsToldByTheFirstBytes) {
  write("f", "text");
  const std::pair<const char*, std::string> formats[] = {
      {"zip", "PK"}, {"", "PK"}, {"zipzstd", "PK"}, {"TarZstd", "\x28\xB5\x2F\xFD"}, {"x", "PK"}};
  for (const auto& [format, magic] : formats) {
    fs::remove(file_);
    auto request = save_request({"f"});
    request.format = format;
    EXPECT_EQ(save(request), 0);
    EXPECT_TRUE(read_file(file_).starts_with(magic)) << format;
    EXPECT_EQ(restore(restore_request()), 0) << log_;
    EXPECT_EQ(read_file(project_ / "f"), "text");
  }
}

TEST_F(CacheLocal, Case52ALinkInTheWayStopsATarNotAZip) {
  write("f", "text");
  fs::create_symlink("f", project_ / "ln");
  auto request = save_request({"f", "ln"});
  EXPECT_EQ(save(request), 0);
  EXPECT_EQ(restore(restore_request()), 0) << log_;
  fs::remove(file_);
  request.format = "tarzstd";
  EXPECT_EQ(save(request), 0);
  EXPECT_EQ(restore(restore_request()), 1);
  EXPECT_THAT(log_, HasSubstr("FATAL: symlink f " + (project_ / "ln").string() + ": file exists"));
}

TEST_F(CacheLocal, Case47OnlyAYoungerFileMakesItAnew) {
  write("a", "1");
  write("b", "2");
  auto request = save_request({"a", "b"});
  EXPECT_EQ(save(request), 0);
  const auto first = read_file(file_);
  age(project_ / "a", 100);
  fs::remove(project_ / "b");
  EXPECT_EQ(save(request), 0);
  EXPECT_THAT(log_, HasSubstr("Primary cache does not exist remotely, uploading existing archive"));
  EXPECT_EQ(read_file(file_), first);
  request.alternate_file = request.file;
  EXPECT_EQ(save(request), 0);
  EXPECT_THAT(log_, HasSubstr("Archive is up to date!"));
  write("a", "new");
  EXPECT_EQ(save(request), 0);
  EXPECT_NE(read_file(file_), first);
  EXPECT_EQ(listed(), "a\n");
}

TEST_F(CacheLocal, WhatChangesMeanwhileIsSavedTheNextTime) {
  write("a", "1");
  EXPECT_EQ(save(save_request({"a"})), 0);
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  // As old as the moment before the files were read, not as the archive's end.
  const timespec times[2] = {{0, UTIME_OMIT}, {status.st_mtim.tv_sec, status.st_mtim.tv_nsec + 1}};
  ASSERT_EQ(utimensat(AT_FDCWD, (project_ / "a").c_str(), times, 0), 0);
  EXPECT_EQ(save(save_request({"a"})), 0);
  EXPECT_THAT(log_, Not(HasSubstr("uploading existing archive")));
}

TEST_F(CacheLocal, NothingToSaveIsNoFailure) {
  EXPECT_EQ(save(save_request({"none"})), 0);
  EXPECT_THAT(log_, HasSubstr("WARNING: No files to cache."));
  EXPECT_FALSE(fs::exists(file_));
  auto request = save_request({"x"});
  request.file.clear();
  EXPECT_EQ(save(request), 1);
  EXPECT_THAT(log_, HasSubstr("FATAL: Missing --file"));
}

TEST_F(CacheLocal, TheOtherKeysArchiveIsTakenOver) {
  write("a", "1");
  auto request = save_request({"a"});
  std::swap(request.file, request.alternate_file);
  EXPECT_EQ(save(request), 0);
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_EQ(save(save_request({"a"})), 0);
  EXPECT_THAT(log_, HasSubstr("Renamed alternate cache file to primary"));
  EXPECT_TRUE(fs::exists(file_));
  EXPECT_FALSE(fs::exists(root_ / "cache/project/hash/cache.zip"));
}

TEST_F(CacheLocal, WhatIsNotThereIsSaid) {
  EXPECT_EQ(restore(restore_request()), 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: Cache file does not exist"));
  auto request = restore_request();
  request.file.clear();
  EXPECT_EQ(restore(request), 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: Missing cache file"));
}

TEST_F(CacheLocal, WhatIsNoArchiveIsNotExtracted) {
  fs::create_directories(file_.parent_path());
  const auto zip = archive_of("f", archive::words(50'000));
  const auto tar = archive_of("f", archive::words(500'000), "tarzstd");
  for (const auto& bytes : {std::string{}, std::string{"nonsense"}, zip.substr(0, zip.size() - 1),
                            tar.substr(0, tar.size() - 1), tar.substr(0, 100), tar + "x"}) {
    write_file(file_, bytes);
    EXPECT_EQ(restore(restore_request()), 1);
    EXPECT_THAT(log_, HasSubstr("FATAL: "));
    EXPECT_TRUE(fs::is_empty(project_));
  }
  write_file(file_, "\x1F\x8B\x08");
  EXPECT_EQ(restore(restore_request()), 1);
  EXPECT_THAT(log_, HasSubstr("FATAL: \"gzip\" format: unsupported archive format"));
}

TEST_F(CacheLocal, WhatAJobPutsInItsPlaceIsNoArchive) {
  fs::create_directories(file_.parent_path());
  fs::create_symlink("/etc/passwd", file_);
  EXPECT_EQ(restore(restore_request()), 1);
  EXPECT_THAT(log_, HasSubstr("Cache file does not exist"));
  // Saving replaces the link, not what it leads to.
  write_file(root_ / "victim", "victim");
  fs::remove(file_);
  fs::create_symlink(root_ / "victim", file_);
  write("a", "1");
  EXPECT_EQ(save(save_request({"a"})), 0) << log_;
  EXPECT_EQ(read_file(root_ / "victim"), "victim");
  EXPECT_EQ(listed(), "a\n");
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(restore(restore_request()), 1);
}

TEST_F(CacheLocal, AFullDiskLeavesTheOldArchive) {
  write("a", "1");
  EXPECT_EQ(save(save_request({"a"})), 0);
  const auto before = read_file(file_);
  write("a", archive::noise(3'000'000));
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const auto ignored = signal(SIGXFSZ, SIG_IGN);
  const rlimit little{1 << 20, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  const int code = save(save_request({"a"}));
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, ignored);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(log_, HasSubstr("FATAL: cannot store the cache: File too large"));
  EXPECT_EQ(read_file(file_), before);
  EXPECT_THAT(store_files(), ElementsAre("cache.zip", "metadata.json"));
}

TEST_F(CacheLocal, WhatTheKilledLeaveIsRemoved) {
  write("a", "1");
  fs::create_directories(file_.parent_path());
  const auto pid = fork();
  if (pid == 0) {
    const NewArchive archive{file_};
    kill(getpid(), SIGKILL);
  }
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(store_files().size(), 1u);
  {
    // One that somebody is still making stays.
    const NewArchive other{file_};
    EXPECT_EQ(save(save_request({"a"})), 0) << log_;
    EXPECT_EQ(store_files().size(), 3u);
  }
  EXPECT_THAT(store_files(), ElementsAre("cache.zip", "metadata.json"));
}

// Sixteen jobs at once over one key, some of them killed at any moment: whoever looks finds a whole
// archive.
TEST_F(CacheLocal, OneStoreServesManyAndNeverATornArchive) {
  write("f", archive::noise(400'000));
  EXPECT_EQ(save(save_request({"f"})), 0);
  constexpr int jobs = 16;
  std::vector<pid_t> writers;
  for (int i = 0; i < jobs; ++i) {
    const auto own = root_ / "builds" / std::to_string(i);
    fs::create_directories(own);
    write_file(own / "f", archive::noise(400'000, static_cast<unsigned>(i)));
    const auto pid = fork();
    if (pid == 0) {
      const Fd nothing{open("/dev/null", O_WRONLY | O_CLOEXEC)};
      dup2(nothing.get(), STDERR_FILENO);
      auto request = save_request({"f"});
      request.choice.project = own;
      for (int round = 0; round < 5; ++round) {
        fs::last_write_time(own / "f", fs::file_time_type::clock::now() + std::chrono::hours{1});
        if (archive_cache(request) != 0) _exit(1);
      }
      _exit(0);
    }
    writers.push_back(pid);
  }
  int looks = 0;
  for (int i = 0; i < jobs; ++i) {
    if (i % 3 == 0) kill(writers[static_cast<std::size_t>(i)], SIGKILL);
    for (int k = 0; k < 5; ++k, ++looks) {
      const auto archive = open_archive(file_);
      ASSERT_TRUE(archive);
      EXPECT_NO_THROW(archive::check_archive(archive.get()));
      EXPECT_NO_THROW(archive::extract_archive(archive.get(), archive::Root{project_}));
      EXPECT_EQ(fs::file_size(project_ / "f"), 400'000u);
    }
  }
  for (const auto pid : writers) {
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  }
  write("f", "end");
  fs::last_write_time(project_ / "f", fs::file_time_type::clock::now() + std::chrono::hours{2});
  EXPECT_EQ(save(save_request({"f"})), 0) << log_;
  EXPECT_THAT(store_files(), ElementsAre("cache.zip", "metadata.json"));
}

TEST_F(CacheLocal, StrangeKeysAreMetadata) {
  write("a", "1");
  auto request = save_request({"a"});
  request.metadata = {{"cachekey", "a \"b\" \n \xFF ünï"}};
  EXPECT_EQ(save(request), 0) << log_;
  const auto metadata = nlohmann::json::parse(read_file(file_.parent_path() / "metadata.json"));
  EXPECT_EQ(metadata.at("cachekey"), "a \"b\" \n \xEF\xBF\xBD ünï");
}

TEST(CacheHttpDate, IsReadAndWritten) {
  using std::chrono::sys_seconds;
  const sys_seconds time{std::chrono::seconds{784111777}};
  EXPECT_EQ(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), time);
  for (std::int64_t seconds : {0ll, 951782399ll, 951782400ll, 1709164800ll, 4102444799ll}) {
    const sys_seconds other{std::chrono::seconds{seconds}};
    EXPECT_EQ(parse_http_date(http_date(other)), other);
  }
  for (const auto* bad :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"})
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace slipway::helper::cache
