#include "executors/docker/collector_disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::executors::docker {
namespace {

using config::DiskLevel;
using docker_api::EngineError;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t gb = 1'000'000'000;

DiskSpace disk(std::uint64_t used, std::uint64_t free) {
  DiskSpace space;
  space.path = "/data";
  space.used = used;
  space.free = free;
  return space;
}

TEST(DiskSpace, IsThatOfTheFilesystem) {
  const auto space = disk_space("/");
  ASSERT_TRUE(space);
  EXPECT_GT(space->used, 0u);
  EXPECT_GT(space->used_share(), 0);
  EXPECT_LE(space->used_share(), 1);
  EXPECT_FALSE(disk_space("/no/such/directory"));
  EXPECT_FALSE(disk_space("/proc")) << "nothing is stored there";
}

TEST(DiskSpace, CountsTheScarcer) {
  auto space = disk(30, 70);
  EXPECT_DOUBLE_EQ(space.used_share(), 0.3);
  space.inodes_used = 9;
  space.inodes_free = 1;
  EXPECT_DOUBLE_EQ(space.used_share(), 0.9);
  EXPECT_DOUBLE_EQ(DiskSpace{}.used_share(), 0);
}

TEST(DiskSpace, IsShown) {
  auto space = disk(97 * gb, 3 * gb);
  EXPECT_EQ(space.text(), "97% of 100 GB used, 3.0 GB free in /data");
  space.inodes_used = 99;
  space.inodes_free = 1;
  EXPECT_THAT(space.text(), HasSubstr(", 99% of the inodes used"));
}

TEST(Floor, HasADefaultThatFitsSmallAndLargeDisks) {
  EXPECT_EQ(floor_bytes(disk(0, 10 * gb), std::nullopt), gb / 5);
  EXPECT_EQ(floor_bytes(disk(0, 10'000 * gb), std::nullopt), 2 * gb);
  EXPECT_EQ(floor_bytes(disk(0, 10 * gb), DiskLevel::share(10)), gb);
  EXPECT_EQ(floor_bytes(disk(0, 10 * gb), DiskLevel::amount(3 * gb)), 3 * gb);
  EXPECT_EQ(floor_bytes(disk(0, 10 * gb), DiskLevel::amount(30 * gb)), 10 * gb);
  EXPECT_EQ(floor_bytes(disk(0, 10 * gb), DiskLevel{}), 0u);
}

TEST(Floor, IsReached) {
  struct Case {
    const char* what;
    DiskSpace space;
    std::optional<DiskLevel> floor;
    double margin;
    bool below;
  };
  auto few_inodes = disk(1, 99);
  few_inodes.inodes_used = 985;
  few_inodes.inodes_free = 15;
  const Case cases[] = {
      {"empty", disk(0, 100 * gb), std::nullopt, 1, false},
      {"full", disk(100 * gb, 0), std::nullopt, 1, true},
      {"off", disk(100 * gb, 0), DiskLevel{}, 1, false},
      {"just above", disk(98 * gb, 2 * gb), std::nullopt, 1, false},
      {"just above, with margin", disk(98 * gb, 2 * gb), std::nullopt, 1.25, true},
      {"an amount", disk(90 * gb, 10 * gb), DiskLevel::amount(11 * gb), 1, true},
      {"few inodes", few_inodes, DiskLevel::share(2), 1, true},
      {"few inodes, but enough", few_inodes, DiskLevel::share(1), 1, false},
      {"few inodes, the floor is an amount", few_inodes, DiskLevel::amount(1), 1, false},
      {"few inodes, with margin", few_inodes, DiskLevel::amount(1), 1.6, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(below_floor(c.space, c.floor, c.margin), c.below);
  }
}

docker_api::Info info(std::string root, bool containerd = false) {
  docker_api::Info about;
  about.root_dir = std::move(root);
  about.containerd_images = containerd;
  return about;
}

TEST(DataRoots, AreLocalOnes) {
  EXPECT_THAT(local_data_roots("unix:///var/run/docker.sock", info("/")), ElementsAre("/"));
  EXPECT_THAT(local_data_roots("tcp://10.0.0.1:2376", info("/")), IsEmpty());
  EXPECT_THAT(local_data_roots("unix:///run/forwarded.sock", info("/no/such/place")), IsEmpty());
  EXPECT_THAT(local_data_roots("unix:///var/run/docker.sock", info("")), IsEmpty());
  EXPECT_THAT(local_data_roots("unix:///var/run/docker.sock", info("C:\\ProgramData")), IsEmpty());
  EXPECT_FALSE(fullest({}));
  EXPECT_EQ(fullest({"/", "/no/such/place"})->path, "/");
}

TEST(DiskFull, IsRecognised) {
  const auto text = [](const char* message, std::vector<std::string> roots = {}) {
    return disk_full_text(EngineError{"POST /containers/create", 500, message}, roots);
  };
  for (const auto* message :
       {"mkdir /var/lib/docker/overlay2/ab-init: no space left on device",
        "failed to register layer: write /blob: no space left on device",
        "Error processing tar file(exit status 1): write /blob: No space left on device",
        "write /var/lib/docker/tmp/x: disk quota exceeded"}) {
    SCOPED_TRACE(message);
    const auto full = text(message);
    ASSERT_TRUE(full);
    EXPECT_THAT(*full, HasSubstr("the disk of the Docker Engine is full: "));
    EXPECT_THAT(*full, HasSubstr(message));
    EXPECT_THAT(*full, HasSubstr("slipway gc"));
    EXPECT_THAT(*full, Not(HasSubstr("\n")));
  }
  EXPECT_THAT(*text("no space left on device", {"/"}), HasSubstr("full (now "));
  EXPECT_THAT(*text("no space left on device", {"/"}), HasSubstr(" free in /): no space"));
}

TEST(DiskFull, OthersAreNot) {
  for (const auto* message :
       {"No such image: busybox:latest", "conflict: unable to remove repository reference",
        "mkdir /sys/fs/cgroup/memory/docker/1: cgroup: no space left on device",
        "inotify_add_watch /etc: no space left on device", ""}) {
    SCOPED_TRACE(message);
    EXPECT_FALSE(disk_full_text(EngineError{"GET /x", 500, message}, {"/"}));
  }
}

TEST(DiskFull, TheQuoteIsBounded) {
  const auto full = disk_full_text(
      EngineError{"x", 500, "no space left on device\n" + std::string(100'000, 'x')}, {});
  ASSERT_TRUE(full);
  EXPECT_LT(full->size(), 1000u);
  EXPECT_THAT(*full, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace slipway::executors::docker
