#include "executors/docker/names.hpp"

#include <gtest/gtest.h>

namespace slipway::executors::docker {
namespace {

TEST(Names, DigestsAreThoseOfTheDocumentation) {
  EXPECT_EQ(digest_hex("MD5", "/builds"), "c33bcaa1fd2c77edfc3893b41966cea8");
  EXPECT_EQ(digest_hex("MD5", "/cache"), "3c3f060a0374fc8bc39395164f415a70");
  EXPECT_EQ(digest_hex("SHA256", ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_THROW(digest_hex("NONE", ""), std::runtime_error);
}

TEST(Names, StorageIdIsThatOfTheDocumentation) {
  EXPECT_EQ(storage_id("theToken", "some-system-id", 1234, 5678),
            "runner-cb27ac1df55ad5c5857ef343b03639cf");
  EXPECT_EQ(storage_id("t", "", 1, 0), storage_id("t", "unknown", 1, 0));
  EXPECT_NE(storage_id("t", "s", 1, 0), storage_id("t", "s", 1, 1));
  EXPECT_NE(storage_id("t", "s", 1, 0), storage_id("t", "s", 2, 0));
}

TEST(Names, E34_CacheVolume) {
  EXPECT_EQ(cache_volume_name("H", "/cache", false), "H-cache-3c3f060a0374fc8bc39395164f415a70");
  EXPECT_EQ(cache_volume_name("H", "/cache", true),
            "H-cache-3c3f060a0374fc8bc39395164f415a70-protected");
  EXPECT_NE(cache_volume_name("H", "/cache", true), cache_volume_name("H", "/cache/", true));
}

TEST(Names, Rfc1123) {
  const std::pair<std::string, std::string> cases[] = {
      {"runner-abc", "runner-abc"},
      {"Runner_ABC.d", "runnerabcd"},
      {"--_x-y", "x-y"},
      {"\xc3\xa9t\xc3\xa9", "t"},
      {"-", ""},
      {std::string(70, 'a'), std::string(63, 'a')},
      {"!" + std::string(63, 'b'), std::string(63, 'b')},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(rfc1123(text), want) << text;
}

TEST(Names, UniqueNameDropsTheTokensPrefix) {
  const std::pair<std::string, std::string> cases[] = {
      {"glrt-t1_t9Wkyj-HGRk", "runner-t9wkyj-hg-project-12-concurrent-0"},
      {"t4_t9Wkyj-H", "runner-t4t9wkyj-project-12-concurrent-0"},
      {"GR1348941Z196cJVyw", "runner-z196cjvyw-project-12-concurrent-0"},
      {"theToken", "runner-thetoken-project-12-concurrent-0"},
  };
  for (const auto& [token, want] : cases) EXPECT_EQ(unique_name(token, 12, 0), want) << token;
  EXPECT_LE(unique_name("theToken", INT64_MAX, INT32_MAX).size(), 63u);
}

}  // namespace
}  // namespace slipway::executors::docker
