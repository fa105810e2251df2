#include "config/disk_level.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace slipway::config {
namespace {

using testing::HasSubstr;
using Unit = DiskLevel::Unit;

TEST(Bytes, AreRead) {
  struct Case {
    const char* text;
    std::uint64_t bytes;
  };
  const Case cases[] = {
      {"0", 0},
      {"10", 10},
      {"10B", 10},
      {"1k", 1000},
      {"1kB", 1000},
      {"1KiB", 1024},
      {"1.5GB", 1'500'000'000},
      {"1.5 GB", 1'500'000'000},
      {"2gib", 2'147'483'648},
      {"512MB", 512'000'000},
      {"0.5T", 500'000'000'000},
      {"1TiB", 1'099'511'627'776},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse_bytes(c.text), c.bytes);
  }
}

TEST(Bytes, RefuseWhatIsNone) {
  for (const auto* text : {"", "GB", "-1GB", "1 G B", "1e9", "1,5GB", "inf", "nan", "1GBs", "0x10",
                           "99999999TB", " 1GB", "1GB "}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_bytes(text), std::nullopt);
  }
}

TEST(Bytes, AreShown) {
  struct Case {
    std::uint64_t bytes;
    const char* text;
  };
  const Case cases[] = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.0 kB"},
      {1'234'000, "1.2 MB"},
      {9'949'999, "9.9 MB"},
      {9'960'000, "10 MB"},
      {999'960, "1.0 MB"},
      {123'000'000'000, "123 GB"},
      {18'446'744'073'709'551'615u, "18 EB"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.bytes);
    EXPECT_EQ(format_bytes(c.bytes), c.text);
  }
}

TEST(DiskLevel, IsAShareOrAnAmountOrOff) {
  EXPECT_EQ(parse_disk_level("85%"), DiskLevel::share(85));
  EXPECT_EQ(parse_disk_level("2.5 %"), DiskLevel::share(2.5));
  EXPECT_EQ(parse_disk_level("200GB"), DiskLevel::amount(200'000'000'000));
  EXPECT_EQ(parse_disk_level("OFF"), DiskLevel{});
  for (const auto* text :
       {"", "0%", "100%", "101%", "-5%", "%", "85%%", "0", "0GB", "on", "half"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_disk_level(text), std::nullopt);
  }
}

TEST(DiskLevel, IsCountedInBytes) {
  EXPECT_EQ(DiskLevel::share(85).of(1000), 850u);
  EXPECT_EQ(DiskLevel::amount(7).of(1000), 7u);
  EXPECT_EQ(DiskLevel{}.of(1000), 0u);
}

SlipwayOptions options_of(const std::string& keys) {
  return parse("[slipway]\n" + keys, "/x/config.toml",
               [](const std::string&) { return std::optional<std::string>{}; })
      .slipway;
}

TEST(DiskKeys, HaveDefaults) {
  const auto options = options_of("");
  EXPECT_EQ(options.disk_high, DiskLevel::share(85));
  EXPECT_EQ(options.disk_low, DiskLevel::share(75));
  EXPECT_FALSE(options.disk_floor);
  EXPECT_EQ(options.disk_budget, 0u);
}

TEST(DiskKeys, AreRead) {
  const auto options = options_of(R"(disk_high = "90%"
disk_low = "150GB"
disk_floor = "1 GiB"
disk_budget = "50GB"
)");
  EXPECT_EQ(options.disk_high, DiskLevel::share(90));
  EXPECT_EQ(options.disk_low, DiskLevel::amount(150'000'000'000));
  EXPECT_EQ(options.disk_floor, DiskLevel::amount(1'073'741'824));
  EXPECT_EQ(options.disk_budget, 50'000'000'000u);
}

TEST(DiskKeys, FollowEachOther) {
  struct Case {
    const char* what;
    const char* keys;
    DiskLevel high;
    DiskLevel low;
  };
  const Case cases[] = {
      {"only high", "disk_high = \"60%\"", DiskLevel::share(60), DiskLevel::share(50)},
      {"a high that is small", "disk_high = \"12%\"", DiskLevel::share(12), DiskLevel::share(6)},
      {"only low", "disk_low = \"50%\"", DiskLevel::share(60), DiskLevel::share(50)},
      {"a low that is large", "disk_low = \"96%\"", DiskLevel::share(98), DiskLevel::share(96)},
      {"an amount", "disk_high = \"100GB\"", DiskLevel::amount(100'000'000'000),
       DiskLevel::amount(90'000'000'000)},
      {"high off", "disk_high = \"off\"", DiskLevel{}, DiskLevel{}},
      {"low off", "disk_low = \"off\"", DiskLevel{}, DiskLevel{}},
      {"high off, low given", "disk_high = \"off\"\ndisk_low = \"5%\"", DiskLevel{}, DiskLevel{}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto options = options_of(c.keys);
    EXPECT_EQ(options.disk_high, c.high);
    EXPECT_EQ(options.disk_low, c.low);
  }
}

TEST(DiskKeys, ThatCannotBeAreRefused) {
  struct Case {
    const char* keys;
    const char* error;
  };
  const Case cases[] = {
      {"disk_high = \"much\"",
       "/x/config.toml:2:13: key \"slipway.disk_high\": \"much\" is neither a share"},
      {"disk_floor = \"100%\"", "/x/config.toml:2:14: key \"slipway.disk_floor\": \"100%\""},
      {"disk_high = \"70%\"\ndisk_low = \"80%\"", "\"slipway.disk_low\" is above"},
      {"disk_high = \"70GB\"\ndisk_low = \"80GB\"", "\"slipway.disk_low\" is above"},
      {"disk_high = \"70%\"\ndisk_low = \"off\"", "needs \"slipway.disk_high\" to be \"off\""},
      {"disk_budget = \"10%\"", "\"slipway.disk_budget\" must be a size"},
      {"disk_high = 85", "slipway.disk_high"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.keys);
    try {
      options_of(c.keys);
      ADD_FAILURE() << "accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.error));
    }
  }
}

TEST(DiskKeys, MisspeltOnesAreTold) {
  const auto config = parse("[slipway]\ndisk_hihg = \"85%\"\n", "/x/config.toml",
                            [](const std::string&) { return std::optional<std::string>{}; });
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_THAT(config.warnings[0].text, HasSubstr("did you mean \"disk_high\"?"));
}

}  // namespace
}  // namespace slipway::config
