#include "runner/state_dir.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "temp_dir.hpp"

namespace slipway::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

std::string failure_of(const std::filesystem::path& path) {
  try {
    StateDir{path};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "(none)";
}

TEST(StateDir, IsPrivateAndKeepsItsId) {
  TempDir dir;
  const auto path = dir.path() / "a" / "state";
  std::string id;
  {
    const StateDir state{path};
    id = state.id();
    EXPECT_THAT(id, MatchesRegex("[0-9a-f]{16}"));
    EXPECT_EQ(mode_of(path), 0700u);
    EXPECT_EQ(mode_of(path / "id"), 0600u);
    EXPECT_EQ(mode_of(path / "lock"), 0600u);
  }
  EXPECT_EQ(StateDir{path}.id(), id);
}

TEST(StateDir, AnIdThatIsNoneIsDrawnAgain) {
  TempDir dir;
  for (const auto* text : {"", "short\n", "0123456789ABCDEF\n", "0123456789abcdef0\n"}) {
    std::ofstream{dir.path() / "id"} << text;
    const auto id = StateDir{dir.path()}.id();
    EXPECT_THAT(id, MatchesRegex("[0-9a-f]{16}"));
    EXPECT_EQ(StateDir{dir.path()}.id(), id);
  }
}

TEST(StateDir, OfTwoDirectoriesHaveDifferentIds) {
  TempDir dir;
  EXPECT_NE(StateDir{dir.path() / "a"}.id(), StateDir{dir.path() / "b"}.id());
}

TEST(StateDir, IsForOneProcess) {
  TempDir dir;
  {
    const StateDir first{dir.path()};
    EXPECT_EQ(failure_of(dir.path()),
              "state directory " + dir.path().string() +
                  ": another slipway is using it; stop that one, or give this one a state_dir of "
                  "its own in [slipway]");
  }
  EXPECT_EQ(failure_of(dir.path()), "(none)");
}

TEST(StateDir, AFailedStartLetsGoOfTheLock) {
  TempDir dir;
  std::filesystem::create_directory(dir.path() / "id");
  EXPECT_THAT(failure_of(dir.path()), HasSubstr("cannot write"));
  std::filesystem::remove(dir.path() / "id");
  EXPECT_EQ(failure_of(dir.path()), "(none)");
}

TEST(StateDir, ThatCannotBeMadeIsNamed) {
  TempDir dir;
  std::ofstream{dir.path() / "file"} << "x";
  EXPECT_THAT(failure_of(dir.path() / "file" / "state"),
              ::testing::AllOf(HasSubstr((dir.path() / "file" / "state").string()),
                               HasSubstr("choose another with state_dir in [slipway]")));
}

TEST(StateDir, ListsTheJobsThatAreThere) {
  TempDir dir;
  const StateDir state{dir.path()};
  EXPECT_TRUE(state.jobs().empty());
  const auto second = state.new_job("b", 2);
  const auto first = state.new_job("a", 1);
  std::filesystem::create_directory(second);
  std::filesystem::create_directory(first);
  EXPECT_THAT(state.jobs(), testing::ElementsAre(first, second));
}

TEST(StateDir, JobsStayWithinItAndAreDifferent) {
  TempDir dir;
  const StateDir state{dir.path()};
  const auto jobs = (dir.path() / "jobs").string();
  EXPECT_THAT(state.new_job("abc-1", 12).string(), MatchesRegex(jobs + "/abc-1-12-[0-9a-f]{4}"));
  EXPECT_THAT(state.new_job("../../etc/x", 1).string(),
              MatchesRegex(jobs + "/______etc_x-1-[0-9a-f]{4}"));
  EXPECT_THAT(state.new_job("", -1).string(), MatchesRegex(jobs + "/--1-[0-9a-f]{4}"));
}

TEST(RandomHex, IsNew) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_hex(8));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_THAT(*seen.begin(), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(random_hex(0), "");
}

}  // namespace
}  // namespace slipway::runner
