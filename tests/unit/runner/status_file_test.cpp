#include "runner/status_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "temp_dir.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string read(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

Status full() {
  Status status;
  status.pid = 4711;
  status.version = "0.1.0";
  status.started = 1'700'000'000;
  status.state = "running";
  status.jobs = {{"abc-42-00ff", 42, 7, "staged", 1'700'000'100, true},
                 {"abc-43-01ff", 43, 7, "preparing", 1'700'000'101, false}};
  status.undelivered = {{"abc-41-02ff", 41, 7, "success", 1'700'000'050, "connect: refused"}};
  status.reaper_pending = 2;
  status.reaper_failures = 5;
  status.objects = {{"volume", "v", "abc-40-03ff", 4, "volume is in use"},
                    {"network", "n", "", 1, "has active endpoints"}};
  status.disk = Status::Disk{"/var/lib/docker", 1ull << 40, 5, 17, true};
  return status;
}

TEST(Status, SurvivesItsText) {
  EXPECT_EQ(parse_status(to_json(full())), full());
  EXPECT_EQ(parse_status(to_json(Status{})), Status{});
  EXPECT_TRUE(to_json(full()).ends_with("}\n"));
}

TEST(Status, ReadsWhatItCan) {
  const auto status =
      parse_status(R"({"format":1,"pid":"x","version":3,"jobs":[{"job":1},7,{"key":"k","new":1}],)"
                   R"("reaper":[],"disk":null,"more":{}})");
  EXPECT_EQ(status.pid, 0);
  EXPECT_EQ(status.version, "");
  EXPECT_EQ(status.jobs.size(), 2u);
  EXPECT_EQ(status.jobs.at(0).id, 1);
  EXPECT_EQ(status.jobs.at(1).key, "k");
  EXPECT_FALSE(status.disk);
}

TEST(Status, RefusesWhatItDoesNotKnow) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"format":1)", "not a JSON object"},
      {"{}", "no format number"},
      {R"({"format":"1"})", "no format number"},
      {R"({"format":2})", "later version"},
  };
  for (const auto& [text, want] : cases) {
    std::string said;
    try {
      parse_status(text);
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_THAT(said, HasSubstr(want)) << text;
  }
}

TEST(Status, TakesAnyTextAndCutsLists) {
  Status status;
  status.undelivered = {{"k", 1, 2, "failed", 3, "bad \xff byte"}};
  status.jobs.resize(2000);
  const auto again = parse_status(to_json(status));
  EXPECT_EQ(again.jobs.size(), 1000u);
  EXPECT_EQ(again.undelivered.at(0).last_error, "bad \xef\xbf\xbd byte");
}

TEST(StatusFile, WritesWhatDiffersAndOnlyThen) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    TempDir directory;
    const auto path = directory.path() / "status.json";
    Status now = full();
    int looks = 0;
    StatusFile file{executor, directory.path(),
                    [&] {
                      ++looks;
                      return now;
                    },
                    50ms};
    util::TaskGroup writing{executor};
    writing.start(file.run());
    co_await util::sleep_for(10ms);
    EXPECT_EQ(parse_status(read(path)), full());
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    // Nothing is looked at while nothing changes.
    co_await util::sleep_for(150ms);
    EXPECT_EQ(looks, 1);
    // Many changes, one look.
    for (int i = 0; i < 100; ++i) {
      now.pid = i;
      file.changed();
      co_await util::sleep_for(1ms);
    }
    co_await util::sleep_for(120ms);
    EXPECT_EQ(parse_status(read(path)).pid, 99);
    EXPECT_LE(looks, 8);
    // What is the same is not written again.
    std::filesystem::remove(path);
    file.changed();
    co_await util::sleep_for(120ms);
    EXPECT_FALSE(std::filesystem::exists(path));
    writing.cancel();
    co_await writing.join();
  });
}

TEST(StatusFile, LeavesNothingButTheFile) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    TempDir directory;
    // What a process that was killed may have left.
    std::ofstream{directory.path() / "status.json.next"} << "half";
    std::ofstream{directory.path() / "status.json"} << "old";
    StatusFile file{executor, directory.path(), [] { return full(); }};
    file.write_now();
    EXPECT_EQ(parse_status(read(directory.path() / "status.json")), full());
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "status.json.next"));
  });
}

TEST(StatusFile, TriesAgainWhenItCouldNotWrite) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    TempDir directory;
    const auto path = directory.path() / "status.json";
    // Even root cannot rename a file over a directory that is not empty.
    std::filesystem::create_directories(path / "in-the-way");
    StatusFile file{executor, directory.path(), [] { return full(); }};
    file.write_now();
    EXPECT_TRUE(std::filesystem::is_directory(path));
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "status.json.next"));
    std::filesystem::remove_all(path);
    file.write_now();
    EXPECT_EQ(parse_status(read(path)), full());
  });
}

}  // namespace
}  // namespace slipway::runner
