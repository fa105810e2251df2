#include "docker_api/registry_auth.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::docker_api {
namespace {

TEST(Base64, BothAlphabetsWithPadding) {
  struct Case {
    std::string bytes;
    std::string standard;
    std::string url_safe;
  };
  const Case cases[] = {
      {"", "", ""},
      {"f", "Zg==", "Zg=="},
      {"fo", "Zm8=", "Zm8="},
      {"foo", "Zm9v", "Zm9v"},
      {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "+//+", "-__-"},
      {std::string("\0\0", 2), "AAA=", "AAA="},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(encode_base64(c.bytes), c.standard);
    EXPECT_EQ(encode_base64(c.bytes, true), c.url_safe);
    EXPECT_EQ(decode_padded_base64(c.standard), c.bytes);
  }
  EXPECT_EQ(decode_padded_base64("Zm9v\r\nYmFy\n"), "foobar");
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Z=g=", "Zm9v!", "====", "-__-", "Zg==Zg=="})
    EXPECT_EQ(decode_padded_base64(bad), std::nullopt) << bad;
}

nlohmann::json decoded(const util::Secret& header) {
  auto text = header.reveal();
  for (auto& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  return nlohmann::json::parse(decode_padded_base64(text).value_or(""));
}

TEST(RegistryAuthHeader, E20_IsUrlSafeBase64WithPaddingOfWhatIsThere) {
  RegistryAuth auth;
  auth.username = "user?>";
  auth.password = util::Secret{"pass~?>ÿ¾"};
  auth.server_address = "https://index.docker.io/v1/";
  const auto header = registry_auth_header(auth);
  EXPECT_EQ(header.reveal().find_first_of("+/"), std::string::npos);
  EXPECT_NE(header.reveal().find_first_of("-_"), std::string::npos);
  EXPECT_EQ(header.reveal().size() % 4, 0u);
  EXPECT_EQ(decoded(header), nlohmann::json({{"username", "user?>"},
                                             {"password", "pass~?>ÿ¾"},
                                             {"serveraddress", "https://index.docker.io/v1/"}}));
  RegistryAuth token;
  token.identity_token = util::Secret{"identity"};
  token.registry_token = util::Secret{"registry"};
  EXPECT_EQ(decoded(registry_auth_header(token)),
            nlohmann::json({{"identitytoken", "identity"}, {"registrytoken", "registry"}}));
}

TEST(RegistryAuthHeader, BytesThatAreNoTextDoNotBreakIt) {
  RegistryAuth auth;
  auth.username = "u";
  auth.password = util::Secret{"\xff\xfe"};
  EXPECT_EQ(decoded(registry_auth_header(auth)).at("password"), "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace slipway::docker_api
