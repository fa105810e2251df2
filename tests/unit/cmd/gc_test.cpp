#include <filesystem>
#include <fstream>

#include "cmd/slipway/gc_text.hpp"
#include "command_test.hpp"

namespace slipway::cmd {
namespace {

using executors::docker::Collected;
using executors::docker::Inventory;
using executors::docker::Victim;
using executors::docker::Watermarks;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Victim victim(Victim::Kind kind, std::string id, std::int64_t size) {
  Victim result;
  result.kind = kind;
  result.id = std::move(id);
  result.size = size;
  result.reason = "not used for 12 days; why";
  return result;
}

TEST(GcText, OneLinePerObject) {
  EXPECT_EQ(victim_line(victim(Victim::Kind::cache_volume, "v", 5), true),
            "would remove volume v: not used for 12 days; why");
  EXPECT_EQ(victim_line(victim(Victim::Kind::image, "sha256:1", 5), false),
            "removed image sha256:1: not used for 12 days; why");
  EXPECT_EQ(victim_line(victim(Victim::Kind::layer_volume, "v\n\x1b[2Jw", 5), true),
            "would remove volume v??[2Jw: not used for 12 days; why");
}

TEST(GcText, Sums) {
  const auto volume = victim(Victim::Kind::cache_volume, "v", 1'200'000'000);
  EXPECT_EQ(plan_summary({volume}), "1 object, 1.2 GB");
  EXPECT_EQ(plan_summary({volume, victim(Victim::Kind::image, "i", 300'000'000)}),
            "2 objects, 1.5 GB (layers that images share are counted more than once)");
  EXPECT_EQ(plan_summary({volume, victim(Victim::Kind::helper_volume, "h", -1)}),
            "2 objects, 1.2 GB, and what has no known size");
  Collected collected;
  collected.removed = 3;
  collected.freed = 2'000'000;
  EXPECT_EQ(collected_summary(collected), "3 objects removed, 2.0 MB freed");
  collected.failed = 1;
  EXPECT_EQ(collected_summary(collected),
            "3 objects removed, 2.0 MB freed; 1 could not be removed");
}

TEST(GcText, SaysWhyNothingGoes) {
  Inventory inventory;
  Watermarks marks;
  marks.extent = Watermarks::Extent::to_low;
  EXPECT_THAT(nothing_text(inventory, marks, 2),
              AllOf(HasSubstr("not on this machine"), HasSubstr("2 objects of slipway's jobs"),
                    HasSubstr("`gc --all`")));
  inventory.disk.emplace();
  EXPECT_THAT(nothing_text(inventory, marks, 0),
              AllOf(HasSubstr("below disk_low"), HasSubstr("left nothing that may go")));
  marks.high = {};
  EXPECT_THAT(nothing_text(inventory, marks, 1), HasSubstr("disk_high is off"));
  marks.extent = Watermarks::Extent::everything;
  EXPECT_THAT(nothing_text(inventory, marks, 1),
              AllOf(HasSubstr("1 object of slipway's jobs"), HasSubstr("within the last 1 hour"),
                    Not(HasSubstr("--all"))));
}

/// The command itself; with an Engine it is tested in tests/integration.
class GcCommand : public CommandTest {
 protected:
  GcCommand() { std::filesystem::create_directories(directory / "state"); }
  void write_runner(const std::string& docker) const {
    write_file("[[runners]]\nname = \"r\"\nurl = \"" + url() +
               "\"\ntoken = \"t\"\nexecutor = \"docker\"\n" + docker);
  }
  void write_id() const { std::ofstream{directory / "state" / "id"} << "0123456789abcdef\n"; }
};

TEST_F(GcCommand, NeedsAConfiguration) {
  const auto outcome = run({"gc", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("config file not found: " + config));
}

TEST_F(GcCommand, NeedsAStateDirectory) {
  write_runner("[runners.docker]\nimage = \"a\"\n");
  const auto outcome = run({"gc", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("is not the state directory of a daemon that ran"));
}

TEST_F(GcCommand, NeedsAnEngine) {
  write_id();
  write_runner("");
  EXPECT_THAT(run({"gc", "-c", config}).err, HasSubstr("has no runner with [runners.docker]"));
  write_runner("[runners.docker]\nimage = \"a\"\nhost = \"unix:///no/such.sock\"\n");
  const auto outcome = run({"gc", "--all", "--dry-run", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("unix:///no/such.sock"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(GcCommand, IsInTheHelp) {
  EXPECT_THAT(run({"--help"}).out, HasSubstr("gc"));
  EXPECT_THAT(run({"gc", "--help"}).out, AllOf(HasSubstr("--dry-run"), HasSubstr("--all")));
}

}  // namespace
}  // namespace slipway::cmd
