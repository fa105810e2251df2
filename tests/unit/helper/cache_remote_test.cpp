// Caches behind signed addresses, with a real HTTP server that answers ranges and fails on request.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>

#include "archive_fixture.hpp"
#include "cache_fixture.hpp"
#include "helper/cache/http_date.hpp"

namespace slipway::helper::cache {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr auto old_date = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr auto new_date = "Mon, 07 Nov 1994 08:49:37 GMT";

class CacheRemote : public CacheTest {
 protected:
  ExtractRequest remote(const std::string& name = "object") const {
    auto request = restore_request();
    request.object = {server_.url(name), server_.url(name)};
    return request;
  }
  ArchiveRequest remote_save() const {
    auto request = save_request({"f"});
    request.url = server_.url("object");
    request.check_url = server_.url("object");
    request.headers = {{"x-amz-meta-cachekey", "key"}, {"Host", "elsewhere"}};
    return request;
  }
  void local(const std::string& bytes, std::chrono::sys_seconds time) const {
    fs::create_directories(file_.parent_path());
    write_file(file_, bytes);
    const timespec times[2] = {{0, UTIME_OMIT}, {time.time_since_epoch().count(), 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, file_.c_str(), times, 0), 0);
  }
  std::string content() const { return read_file(project_ / "f"); }
  long count(const std::string& method) {
    const auto all = server_.seen();
    return std::ranges::count(all, method, &ObjectRequest::method);
  }
};

TEST_F(CacheRemote, WhatIsSavedThereIsRestored) {
  write("f", "text");
  EXPECT_EQ(save(remote_save()), 0) << log_;
  EXPECT_THAT(log_,
              AllOf(HasSubstr("Using presigned URL for cache upload"),
                    HasSubstr("Uploading cache.zip to http://127.0.0.1:"), Not(HasSubstr("sig="))));
  const auto sent = server_.seen().at(0);
  EXPECT_EQ(sent.method, "PUT");
  EXPECT_EQ(sent.size, fs::file_size(file_));
  EXPECT_EQ(sent.headers.get("Content-Length"), std::to_string(sent.size));
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/octet-stream");
  EXPECT_EQ(sent.headers.get("x-amz-meta-cachekey"), "key");
  EXPECT_THAT(sent.headers.get("Host"), HasSubstr("127.0.0.1:"));
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(sent.headers.get("Last-Modified"),
            http_date(std::chrono::sys_seconds{std::chrono::seconds{status.st_mtime}}));
  fs::remove_all(root_ / "cache");
  fs::remove(project_ / "f");
  auto object = server_.get("object");
  object.headers.set("X-Amz-Meta-Cachekey", "the key");
  server_.put("object", object);
  EXPECT_EQ(restore(remote()), 0) << log_;
  EXPECT_THAT(log_, AllOf(HasSubstr("Using presigned URL for cache download"),
                          HasSubstr("Downloading cache.zip from http://127.0.0.1:"),
                          HasSubstr("etag=\""), Not(HasSubstr("sig="))));
  EXPECT_EQ(content(), "text");
  EXPECT_EQ(read_file(file_.parent_path() / "metadata.json"), "{\"cachekey\":\"the key\"}");
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(sent.headers.get("Last-Modified"),
            http_date(std::chrono::sys_seconds{std::chrono::seconds{status.st_mtime}}));
}

TEST_F(CacheRemote, Case47AnUnchangedArchiveIsSentIfTheServerHasNone) {
  write("f", "text");
  EXPECT_EQ(save(remote_save()), 0);
  EXPECT_EQ(save(remote_save()), 0);
  EXPECT_THAT(log_, HasSubstr("Primary cache already exists remotely, skipping upload"));
  EXPECT_EQ(count("PUT"), 1);
  server_.fail({.method = "HEAD", .status = 404});
  EXPECT_EQ(save(remote_save()), 0);
  EXPECT_THAT(log_, HasSubstr("Primary cache does not exist remotely, uploading existing archive"));
  EXPECT_EQ(count("PUT"), 2);
}

TEST_F(CacheRemote, Case48AMissingObjectIsAFailureEvenWithALocalArchive) {
  local(archive_of("f", "local"), std::chrono::sys_seconds{});
  EXPECT_EQ(restore(remote()), 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: file does not exist"));
  EXPECT_FALSE(fs::exists(project_ / "f"));
  EXPECT_EQ(count("GET"), 1);
}

TEST_F(CacheRemote, Case49TheYoungerArchiveCounts) {
  struct Case {
    const char* modified;
    const char* local_time;  // nullptr: there is none
    const char* want;
  };
  const Case cases[] = {
      {new_date, old_date, "remote"}, {old_date, new_date, "local"},  {old_date, old_date, "local"},
      {"", old_date, "local"},        {"garbage", old_date, "local"}, {"", nullptr, "remote"},
  };
  const auto here = archive_of("f", "local");
  const auto there = archive_of("f", "remote");
  for (const auto& c : cases) {
    fs::remove_all(root_ / "cache");
    if (c.local_time) local(here, *parse_http_date(c.local_time));
    server_.put("object", {there, c.modified});
    EXPECT_EQ(restore(remote()), 0) << log_;
    EXPECT_EQ(content(), c.want) << c.modified;
    EXPECT_EQ(log_.find("cache.zip is up to date") != std::string::npos,
              std::string{c.want} == "local");
  }
}

TEST_F(CacheRemote, Case50AServerErrorIsTriedThreeTimesAndARefusalOnce) {
  write("f", "text");
  for (int i = 0; i < 2; ++i) server_.fail({.method = "PUT", .status = 503});
  EXPECT_EQ(save(remote_save()), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("WARNING: Retrying... context=cache-archiver error=received: 503 "
                              "Service Unavailable"));
  EXPECT_TRUE(server_.has("object"));
  fs::remove(file_);
  for (int i = 0; i < 3; ++i) server_.fail({.method = "PUT", .status = 500});
  EXPECT_EQ(save(remote_save()), 1);
  EXPECT_EQ(count("PUT"), 6);
  EXPECT_THAT(log_, HasSubstr("FATAL: received: 500 Internal Server Error"));
  EXPECT_TRUE(fs::exists(file_));
  auto unsigned_one = remote_save();
  unsigned_one.url += "x";
  unsigned_one.check_url += "x";
  EXPECT_EQ(save(unsigned_one), 1);
  EXPECT_EQ(count("PUT"), 7);
  EXPECT_THAT(log_, HasSubstr("FATAL: received: 403 Forbidden. Request failed with code: "
                              "SignatureDoesNotMatch, message: no way"));
}

TEST_F(CacheRemote, ADownloadIsTriedThreeTimes) {
  server_.put("object", {archive_of("f", archive::noise(300'000)), old_date});
  server_.fail({.method = "GET", .drop = true});
  server_.fail({.method = "GET", .cut = 100'000});
  EXPECT_EQ(restore(remote()), 0) << log_;
  EXPECT_EQ(content(), archive::noise(300'000));
  EXPECT_EQ(count("GET"), 3);
  fs::remove_all(root_ / "cache");
  for (int i = 0; i < 3; ++i) server_.fail({.method = "GET", .cut = 1000});
  EXPECT_EQ(restore(remote()), 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: Retrying... context=cache-extractor error="));
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_TRUE(store_files().empty());
  auto refused = remote();
  refused.object.url += "x";
  const auto before = count("GET");
  EXPECT_EQ(restore(refused), 1);
  EXPECT_EQ(count("GET"), before + 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: received: 403 Forbidden. Request failed with code: "));
}

TEST_F(CacheRemote, ATornObjectNeverBecomesACache) {
  const auto here = archive_of("f", "local");
  const auto there = archive_of("f", archive::words(900'000), "tarzstd");
  local(here, *parse_http_date(old_date));
  for (const auto& bytes : {there.substr(0, there.size() - 1), std::string{"<html>"}, std::string{},
                            archive_of("f", "x").substr(3)}) {
    server_.put("object", {bytes, new_date});
    EXPECT_EQ(restore(remote()), 1);
    EXPECT_THAT(log_, HasSubstr("WARNING: what was downloaded is no cache: "));
    EXPECT_EQ(read_file(file_), here);
    EXPECT_THAT(store_files(), ElementsAre("cache.zip"));
    EXPECT_TRUE(fs::is_empty(project_));
  }
}

TEST_F(CacheRemote, TheAlternateObjectIsTakenIfItIsYoungerOrAlone) {
  struct Case {
    const char* primary;  // Last-Modified; nullptr: there is none
    const char* alternate;
    const char* want;
  };
  const Case cases[] = {
      {old_date, new_date, "alternate"}, {new_date, old_date, "primary"},
      {old_date, old_date, "primary"},   {nullptr, old_date, "alternate"},
      {old_date, nullptr, "primary"},
  };
  int number = 0;
  for (const auto& c : cases) {
    fs::remove_all(root_ / "cache");
    const auto suffix = std::to_string(number++);
    auto request = remote("p" + suffix);
    request.alternate = {server_.url("a" + suffix), server_.url("a" + suffix)};
    if (c.primary) server_.put("p" + suffix, {archive_of("f", "primary"), c.primary});
    if (c.alternate) server_.put("a" + suffix, {archive_of("f", "alternate"), c.alternate});
    EXPECT_EQ(restore(request), 0) << log_;
    EXPECT_EQ(content(), c.want) << number;
  }
  auto none = remote("none");
  none.alternate = {server_.url("nothing"), server_.url("nothing")};
  EXPECT_EQ(restore(none), 1);
  EXPECT_THAT(log_, HasSubstr("file does not exist"));
}

TEST_F(CacheRemote, TooLargeAnArchiveStaysHere) {
  write("f", archive::noise(5000));
  auto request = remote_save();
  request.max_size = 1000;
  EXPECT_EQ(save(request), 0);
  EXPECT_THAT(log_, HasSubstr("is too big (Limit is set to 1000). Cache will be stored only "
                              "locally."));
  EXPECT_EQ(count("PUT"), 0);
  EXPECT_TRUE(fs::exists(file_));
}

TEST_F(CacheRemote, RedirectsAreFollowed) {
  server_.put("object", {archive_of("f", "text"), old_date});
  server_.fail({.method = "GET", .status = 307, .headers = {{"Location", server_.url("object")}}});
  EXPECT_EQ(restore(remote("elsewhere")), 0) << log_;
  EXPECT_EQ(content(), "text");
  fs::remove_all(root_ / "cache");
  for (int i = 0; i < 12; ++i)
    server_.fail({.method = "GET", .status = 302, .headers = {{"Location", "/again?sig=right"}}});
  EXPECT_EQ(restore(remote()), 1);
  EXPECT_THAT(log_, HasSubstr("stopped after 10 redirects"));
}

TEST_F(CacheRemote, AddressesAndHeadersThatCannotBeAreNamed) {
  auto request = remote();
  request.object.url = "ftp://127.0.0.1/x?secret";
  EXPECT_EQ(restore(request), 1);
  EXPECT_THAT(log_, AllOf(HasSubstr("the address of the cache is not one of http or https"),
                          Not(HasSubstr("secret"))));
  request.object.url = "http://127.0.0.1:1/x?secret";
  EXPECT_EQ(restore(request), 1);
  EXPECT_THAT(log_, AllOf(HasSubstr("Connection refused"), Not(HasSubstr("secret"))));
  write("f", "text");
  auto bad = remote_save();
  bad.headers = {{"x-amz-meta-cachekey", "a\r\nX-Evil: 1"}};
  EXPECT_EQ(save(bad), 1);
  EXPECT_THAT(log_, HasSubstr("the header x-amz-meta-cachekey holds a control character"));
  EXPECT_EQ(count("PUT"), 0);
}

class CacheParallel : public CacheRemote {
 protected:
  ExtractRequest parallel() const {
    auto request = remote();
    request.tuning.parallel = true;
    request.tuning.chunk_size = 100'000;
    request.tuning.concurrency = 8;
    return request;
  }
};

TEST_F(CacheParallel, ChunksComeBySeveralConnections) {
  const auto text = archive::noise(2'050'000);
  server_.put("object", {archive_of("f", text), old_date});
  EXPECT_EQ(restore(parallel()), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("(parallel)"));
  EXPECT_EQ(content(), text);
  EXPECT_EQ(read_file(file_), server_.get("object").bytes);
  EXPECT_EQ(count("GET"), 22);
  EXPECT_GE(server_.most_at_once(), 4);
  EXPECT_LE(server_.most_at_once(), 8);
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mtime, parse_http_date(old_date)->time_since_epoch().count());
}

TEST_F(CacheParallel, SmallObjectsAndServersWithoutRangesTakeOneConnection) {
  server_.put("object", {archive_of("f", "small"), old_date});
  EXPECT_EQ(restore(parallel()), 0) << log_;
  EXPECT_EQ(content(), "small");
  EXPECT_EQ(count("GET"), 2);
  EXPECT_THAT(log_, Not(HasSubstr("(parallel)")));
  server_.forget_ranges();
  const auto text = archive::noise(1'000'000);
  server_.put("object", {archive_of("f", text), new_date});
  EXPECT_EQ(restore(parallel()), 0) << log_;
  EXPECT_EQ(content(), text);
  EXPECT_EQ(count("GET"), 3);
}

TEST_F(CacheParallel, AChunkThatBreaksOffIsTriedAgain) {
  const auto text = archive::noise(900'000);
  server_.put("object", {archive_of("f", text), old_date});
  // Not the first request, which only asks for one byte.
  server_.fail({.method = "GET", .cut = 0});
  server_.fail({.method = "GET", .cut = 50'000});
  server_.fail({.method = "GET", .status = 503});
  EXPECT_EQ(restore(parallel()), 0) << log_;
  EXPECT_EQ(content(), text);
  EXPECT_THAT(log_, HasSubstr("Retrying..."));
}

TEST_F(CacheParallel, TwoVersionsAreNotMixed) {
  server_.put("object", {archive_of("f", archive::noise(900'000)), old_date});
  server_.change_after(5);
  EXPECT_EQ(restore(parallel()), 1);
  EXPECT_THAT(log_, HasSubstr("WARNING: the object has changed while it was downloaded"));
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_TRUE(store_files().empty());
}

TEST_F(CacheParallel, AnUpToDateArchiveIsNotFetched) {
  local(archive_of("f", "local"), *parse_http_date(new_date));
  server_.put("object", {archive_of("f", archive::noise(900'000)), old_date});
  EXPECT_EQ(restore(parallel()), 0) << log_;
  EXPECT_EQ(content(), "local");
  EXPECT_EQ(count("GET"), 1);
}

}  // namespace
}  // namespace slipway::helper::cache
