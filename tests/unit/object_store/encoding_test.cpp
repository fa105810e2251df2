#include "object_store/encoding.hpp"

#include <gtest/gtest.h>

namespace slipway::object_store {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

TEST(Encoding, PercentKeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encoded("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encoded("a/b c"), "a%2Fb%20c");
  EXPECT_EQ(percent_encoded("a/b c", true), "a/b%20c");
  EXPECT_EQ(percent_encoded("\xff\n"s), "%FF%0A");
}

TEST(Encoding, Base64BothWays) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> pairs[] = {
      {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : pairs) {
    EXPECT_EQ(base64(plain), encoded);
    EXPECT_EQ(base64_decoded(encoded), plain);
  }
  for (const auto* bad : {"", "Zg", "Zg=", "Zm9*", "====="}) EXPECT_FALSE(base64_decoded(bad));
}

TEST(Encoding, Digests) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test case 2.
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Encoding, Times) {
  const std::chrono::sys_seconds time = std::chrono::sys_days{2024y / 2 / 29} + 23h + 59min + 58s;
  EXPECT_EQ(basic_time(time), "20240229T235958Z");
  EXPECT_EQ(extended_time(time), "2024-02-29T23:59:58Z");
}

TEST(Encoding, WhatIsNoRsaKeySignsNothing) {
  for (const auto* text :
       {"", "key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"})
    EXPECT_FALSE(rsa_sha256(text, "x"));
}

}  // namespace
}  // namespace slipway::object_store
