// `slipway gc` on a real Engine.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runner/state_dir.hpp"
#include "tests/integration/collector_fixture.hpp"
#include "tests/integration/private_engine.hpp"

namespace slipway::tests {
namespace {

using docker_api::Client;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

/// The program with a configuration for this Engine and a state directory that knows of `usage`.
class GarbageCommand : public DiskCollector {
 protected:
  void SetUp() override {
    DiskCollector::SetUp();
    directory = fs::temp_directory_path() / ("slipway-gc-" + runner::random_hex(4));
    fs::create_directories(directory / "state");
    std::ofstream{directory / "state" / "id"} << state << "\n";
    std::ofstream{directory / "config.toml"} << fmt::format(
        "[slipway]\n{}\n[[runners]]\nname = \"r\"\nurl = \"http://x\"\ntoken = \"t\"\n"
        "executor = \"docker\"\n[runners.docker]\nimage = \"busybox\"\nhost = \"unix://{}\"\n",
        "disk_high = \"99.9%\"\ndisk_low = \"99.8%\"", engine_socket());
    write_usage(engine_id);
  }
  void TearDown() override {
    fs::remove_all(directory);
    DiskCollector::TearDown();
  }
  void write_usage(const std::string& engine) {
    auto images = nlohmann::json::object();
    for (const auto& [id, image] : usage.images)
      images[id] = {{"names", image.names}, {"used", image.used.time_since_epoch().count()}};
    auto volumes = nlohmann::json::object();
    for (const auto& [name, used] : usage.volumes) volumes[name] = used.time_since_epoch().count();
    const nlohmann::json content{{"version", 1},
                                 {"engines",
                                  {{engine,
                                    {{"since", usage.since.time_since_epoch().count()},
                                     {"images", images},
                                     {"volumes", volumes}}}}}};
    std::ofstream{directory / "state" / "usage"} << content.dump();
  }
  std::string gc(const std::string& flags) {
    const char* bin = std::getenv("SLIPWAY_BIN_DIR");
    return shell(fmt::format("'{}/slipway' gc --config '{}' {}", bin == nullptr ? "." : bin,
                             (directory / "config.toml").string(), flags));
  }
  std::vector<std::string> volumes() {
    std::vector<std::string> names;
    run([&](Client& engine) {
      return [](Client& client, std::vector<std::string>& found) -> asio::awaitable<void> {
        found = co_await test_volumes(client);
      }(engine, names);
    });
    std::ranges::sort(names);
    return names;
  }

  fs::path directory;
};

TEST_F(GarbageCommand, DryRunTellsAndRemovesNothing) {
  const auto before = volumes();
  const auto output = gc("--all --dry-run");
  EXPECT_THAT(output, HasSubstr("Engine unix://" + engine_socket() + ": "));
  EXPECT_THAT(output,
              HasSubstr("would remove volume slipway-test-cache: not used for 10 days; 0 B; "
                        "cache volume of project 7\n"));
  EXPECT_THAT(output, HasSubstr("would remove volume slipway-test-layers: "));
  EXPECT_THAT(output, HasSubstr("image that jobs pulled, slipway-test-ours:1\n"));
  EXPECT_THAT(output, HasSubstr("4 objects, "));
  EXPECT_THAT(output, AllOf(Not(HasSubstr("used-cache")), Not(HasSubstr("recent-cache")),
                            Not(HasSubstr("other-slipway")), Not(HasSubstr("theirs")),
                            Not(HasSubstr("busy")), Not(HasSubstr("gitlab-runner:"))));
  EXPECT_EQ(volumes(), before);
}

TEST_F(GarbageCommand, BelowLowNothingHasToGo) {
  const auto before = volumes();
  const auto output = gc("");
  EXPECT_THAT(output, HasSubstr("nothing to remove: the disk is below disk_low"));
  EXPECT_THAT(output, HasSubstr("5 objects of slipway's jobs may go, but not yet"));
  EXPECT_EQ(volumes(), before);
}

TEST_F(GarbageCommand, RemovesWhatIsOurs) {
  const auto output = gc("--all");
  EXPECT_THAT(output, HasSubstr("removed volume slipway-test-cache: not used for 10 days"));
  EXPECT_THAT(output, HasSubstr("4 objects removed, "));
  run([](Client& engine) { return expect_only_ours_gone(engine); });
  EXPECT_THAT(gc("--all"), HasSubstr("nothing to remove: 1 object of slipway's jobs may go"));
}

TEST_F(GarbageCommand, WithoutKnowledgeEverythingStays) {
  const auto before = volumes();
  write_usage("another Engine");
  EXPECT_THAT(gc("--all"),
              AllOf(HasSubstr("everything counts as used now"), HasSubstr("nothing to remove")));
  std::ofstream{directory / "state" / "usage"} << "{damaged";
  EXPECT_THAT(gc("--all"), HasSubstr("cannot be read"));
  EXPECT_EQ(volumes(), before);
  fs::remove(directory / "state" / "id");
  EXPECT_THROW(gc("--all"), std::runtime_error);
}

}  // namespace
}  // namespace slipway::tests
