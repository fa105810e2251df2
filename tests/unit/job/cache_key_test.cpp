#include "job/cache_key.hpp"

#include <gtest/gtest.h>

namespace slipway::job {
namespace {

TEST(CacheKey, Case45IsAPathThatLeadsNowhereElse) {
  struct Case {
    std::string_view raw;
    std::string_view want;
  };
  const Case cases[] = {
      {"a/b/c/../../d", "a/d"},
      {"../foo", "foo"},
      {"foo/ / \\  \\", "foo"},
      {" foo / bar ", " foo / bar"},
      {"%2E%2E%2E", "..."},
      {"plain-protected", "plain-protected"},
      {"/abs//x/./y/", "abs/x/y"},
      {"a\\b", "a/b"},
      {"a%2fb%2Fc", "a/b/c"},
      {"%2e%2e/%2E%2e/etc", "etc"},
      {"%252e%252e/x", "%252e%252e/x"},
      {"%5Cx", "%5Cx"},
      {"%2", "%2"},
      {"key\t\r\n", "key"},
      {"key\xC2\xA0\xE3\x80\x80", "key"},
      {"foo/.. /..", "foo"},
      {"a/b/.. /", "a"},
      {"ünï/日本", "ünï/日本"},
      {"line\nbreak $(x) `y`", "line\nbreak $(x) `y`"},
      {"a/...", "a/..."},
  };
  for (const auto& [raw, want] : cases) {
    EXPECT_EQ(sanitized_cache_key(raw), want) << raw;
  }
}

TEST(CacheKey, Case45IsNoneIfNothingIsLeft) {
  for (const std::string_view raw :
       {"", "..", "/", " ", "foo/bar/../..", ".", "././", "\\", "%2e", "%2E%2E%2F", " / / ", ".. ",
        "../.. ", ". ", "foo/.. ", "foo/.. /.. /.."})
    EXPECT_EQ(sanitized_cache_key(raw), std::nullopt) << raw;
  EXPECT_EQ(sanitized_cache_key(std::string_view{"a\0b", 3}), std::nullopt);
}

TEST(CacheKey, IsSanitizedOnce) {
  for (const std::string_view raw : {"a/b/c/../../d", " foo / bar ", "%2E%2E%2E", "a/b/.. /"}) {
    const auto once = sanitized_cache_key(raw);
    ASSERT_TRUE(once);
    EXPECT_EQ(sanitized_cache_key(*once), once);
  }
}

TEST(CacheKey, HasADefault) {
  EXPECT_EQ(default_cache_key("build", "main"), "build/main");
  EXPECT_EQ(default_cache_key("build: [a, b]", "feature/x"), "build: [a, b]/feature/x");
  EXPECT_EQ(default_cache_key("../..", "../x"), "x");
  EXPECT_EQ(default_cache_key("", ""), "");
}

TEST(CacheKey, MayBeHashed) {
  EXPECT_EQ(hashed_cache_key(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hashed_cache_key("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(CacheKey, Case46ProtectedOnesAreNoFallback) {
  for (const auto* key :
       {"x-protected", "x-protected.", "x-protected ", "x-protected. . ", "-protected"})
    EXPECT_TRUE(names_protected_cache(key)) << key;
  for (const auto* key : {"x-non_protected", "x-protectedx", "protected", "", "x-Protected", " . "})
    EXPECT_FALSE(names_protected_cache(key)) << key;
}

}  // namespace
}  // namespace slipway::job
