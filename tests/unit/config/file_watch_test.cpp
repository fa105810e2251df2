#include "config/file_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "config/load.hpp"

namespace slipway::config {
namespace {

using News = FileWatch::News;

class Watch : public testing::Test {
 protected:
  Watch() {
    auto pattern = (std::filesystem::temp_directory_path() / "slipway-watch-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    path = (directory / "config.toml").string();
    write("concurrent = 1\n");
  }
  ~Watch() override { std::filesystem::remove_all(directory); }

  void write(const std::string& text) const { std::ofstream{path} << text; }
  void replace(const std::string& text) const {
    std::ofstream{path + ".new"} << text;
    std::filesystem::rename(path + ".new", path);
  }
  /// Two looks: a file that is being written is not reported.
  static News look_twice(FileWatch& watch) {
    const auto first = watch.look();
    return first == News::none ? watch.look() : first;
  }

  std::filesystem::path directory;
  std::string path;
};

TEST_F(Watch, NothingHappenedIsNoNews) {
  FileWatch watch{path};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(watch.look(), News::none);
}

TEST_F(Watch, AChangeIsReportedUntilItIsAccepted) {
  FileWatch watch{path};
  write("concurrent = 22\n");
  EXPECT_EQ(watch.look(), News::none);
  EXPECT_EQ(watch.look(), News::changed);
  EXPECT_EQ(watch.look(), News::changed);
  watch.accept();
  EXPECT_EQ(watch.look(), News::none);
}

TEST_F(Watch, AFileThatGrowsIsNotReportedBeforeItRests) {
  FileWatch watch{path};
  for (int i = 1; i < 4; ++i) {
    write(std::string(static_cast<std::size_t>(i) * 20, '\n'));
    EXPECT_EQ(watch.look(), News::none);
  }
  EXPECT_EQ(watch.look(), News::changed);
}

TEST_F(Watch, AnOldFileMovedIntoPlaceCounts) {
  FileWatch watch{path};
  replace("concurrent = 1\n");
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::hours{24});
  EXPECT_EQ(look_twice(watch), News::changed);
}

TEST_F(Watch, AFileMayDisappearAndComeBack) {
  FileWatch watch{path};
  std::filesystem::remove(path);
  EXPECT_EQ(look_twice(watch), News::gone);
  watch.accept();
  EXPECT_EQ(look_twice(watch), News::none);
  write("concurrent = 2\n");
  EXPECT_EQ(look_twice(watch), News::changed);
}

TEST_F(Watch, OneProcessServesAFile) {
  const ServingLock lock{path};
  try {
    const ServingLock second{path};
    FAIL() << "two locks";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), path +
                                ": another slipway serves this file; stop that one, or give this "
                                "one a file of its own with --config");
  }
}

TEST_F(Watch, TheLockFollowsAFileThatIsReplaced) {
  ServingLock lock{path};
  lock.renew();
  replace("concurrent = 2\n");
  lock.renew();
  EXPECT_THROW(ServingLock{path}, ConfigError);
}

TEST_F(Watch, WithoutAFileOrTheRightToWriteThereIsNoFuss) {
  const ServingLock missing{(directory / "none.toml").string()};
  ::chmod(path.c_str(), 0400);
  EXPECT_NO_THROW(ServingLock{path});
}

}  // namespace
}  // namespace slipway::config
