#include "executors/docker/registry_credentials.hpp"

#include <gmock/gmock.h>

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(RegistryPath, E20_OfAKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://index.docker.io/v1/", "docker.io"},
      {"http://index.docker.io", "docker.io"},
      {"index.docker.io", "docker.io"},
      {"docker.io", "docker.io"},
      {"https://Reg.Example.com:5000/v2/x", "reg.example.com:5000"},
      {"reg.example.com/", "reg.example.com"},
      {"reg.example.com:5000", "reg.example.com:5000"},
      {"Reg.Example.com:5000/Group/Project", "reg.example.com:5000/Group/Project"},
      {"reg.example.com/group/app:1.2/", "reg.example.com/group/app"},
      {"reg.example.com/group/app:1.2", "reg.example.com/group/app"},
      {"", ""},
  };
  for (const auto& [key, want] : cases) EXPECT_EQ(registry_path_of_key(key), want) << key;
}

TEST(RegistryPath, E20_OfAnImageLongestFirst) {
  const auto digest = "@sha256:" + std::string(64, 'a');
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"nginx", {"docker.io/nginx", "docker.io"}},
      {"nginx:1" + digest, {"docker.io/nginx", "docker.io"}},
      {"user/app", {"docker.io/user/app", "docker.io/user", "docker.io"}},
      {"index.docker.io/user/app:2", {"docker.io/user/app", "docker.io/user", "docker.io"}},
      {"reg.example.com:5000/a/b/c:1",
       {"reg.example.com:5000/a/b/c", "reg.example.com:5000/a/b", "reg.example.com:5000/a",
        "reg.example.com:5000"}},
      {"localhost/x", {"localhost/x", "localhost"}},
      {"Reg.Example.com/x", {"reg.example.com/x", "reg.example.com"}},
      {"not an image", {}},
      {"sha256:" + std::string(64, 'b'), {"docker.io/sha256", "docker.io"}},
  };
  for (const auto& [image, want] : cases)
    EXPECT_THAT(registry_paths_of_image(image), ElementsAreArray(want)) << image;
}

TEST(ClientConfig, EntriesOfAllForms) {
  const auto config = parse_client_config(R"({
    "auths": {
      "reg.example.com": {"auth": "dXNlcjpwYTpzcw=="},
      "https://index.docker.io/v1/": {"username": "hub", "password": "secret"},
      "token.example.com": {"identitytoken": "t0ken"},
      "nul.example.com": {"auth": "dTpwAAA="},
      "empty.example.com": {}},
    "HttpHeaders": {"X": "y"}, "detachKeys": "ctrl-e"})");
  EXPECT_EQ(config.store, "");
  ASSERT_EQ(config.auths.size(), 5u);
  const auto& reg = config.auths.at("reg.example.com").auth;
  EXPECT_EQ(reg.username, "user");
  EXPECT_EQ(reg.password.reveal(), "pa:ss");
  EXPECT_EQ(reg.server_address, "reg.example.com");
  const auto& hub = config.auths.at("docker.io");
  EXPECT_EQ(hub.key, "https://index.docker.io/v1/");
  EXPECT_EQ(hub.auth.server_address, "https://index.docker.io/v1/");
  EXPECT_EQ(hub.auth.password.reveal(), "secret");
  EXPECT_EQ(config.auths.at("token.example.com").auth.identity_token.reveal(), "t0ken");
  EXPECT_EQ(config.auths.at("nul.example.com").auth.password.reveal(), "p");
  EXPECT_TRUE(config.auths.at("empty.example.com").auth.anonymous());
}

TEST(ClientConfig, TheStoreOverridesAuthsAndHelpersOverrideBoth) {
  const auto config = parse_client_config(R"({
    "auths": {"a.example.com": {"auth": "dTpw"}, "b.example.com": {"auth": "dTpw"},
              "c.example.com": {"auth": "dTpw"}},
    "credsStore": "store", "credHelpers": {"https://c.example.com/v2/": "own", "d.example.com": ""}})");
  const auto entries = config.entries({"b.example.com", "c.example.com", "e.example.com/x"});
  EXPECT_EQ(entries.at("a.example.com").helper, "");
  EXPECT_EQ(entries.at("b.example.com").helper, "store");
  EXPECT_EQ(entries.at("c.example.com").helper, "own");
  EXPECT_EQ(entries.at("c.example.com").key, "https://c.example.com/v2/");
  EXPECT_EQ(entries.at("e.example.com/x").helper, "store");
  EXPECT_FALSE(entries.contains("d.example.com"));
}

TEST(ClientConfig, WhatIsWrongIsSaidWithoutSecrets) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"auths": {"h": {"password": "s3cret" "x"}}})", "not valid JSON"},
      {"[1]", "not a JSON object"},
      {R"({"auths": ["s3cret"]})", "`auths` is not a JSON object"},
      {R"({"auths": {"h": "s3cret"}})", "the entry of h is not a JSON object"},
      {R"({"auths": {"h": {"auth": "s3cret!"}}})", "`auth` of h is not valid base64"},
      {R"({"auths": {"h": {"auth": "czNjcmV0"}}})", "`auth` of h holds no user and password"},
      {R"({"auths": {"h": {"auth": "OnMzY3JldA=="}}})", "`auth` of h holds no user and password"},
      {R"({"auths": {"h": {"password": 7}}})", "`password` of h is not a text"},
      {R"({"credHelpers": {"h": 7}})", "credential helper is not a text"},
      {R"({"credsStore": "a b"})", "no file name"},
      {R"({"credHelpers": {"h/\nother": "x"}})", "`credHelpers` names no registry: h/?other"},
      {R"({"auths": {"h\u0000": {}}})", "`auths` names no registry: h?"},
      {R"({"auths": {"https://user:s3cret@h/v2/": {"auth": "!"}}})", "`auth` of h/v2/ is not"},
  };
  for (const auto& [text, want] : cases) {
    try {
      parse_client_config(text);
      ADD_FAILURE() << "not refused: " << text;
    } catch (const BadClientConfig& error) {
      EXPECT_THAT(error.what(), HasSubstr(want));
      EXPECT_THAT(error.what(), Not(HasSubstr("s3cret")));
    }
  }
}

TEST(ClientConfig, WhatIsWithoutEndIsRefused) {
  const auto of = [](const std::string& key, const std::string& member, std::size_t size) {
    return R"({"auths": {")" + key + R"(": {")" + member + R"(": ")" + std::string(size, 'A') +
           R"("}}})";
  };
  for (const char* member : {"auth", "username", "password", "identitytoken", "registrytoken"}) {
    EXPECT_THROW(parse_client_config(of("h", member, 70'000)), BadClientConfig) << member;
    EXPECT_THROW(parse_client_config(of("h" + std::string(5000, 'h'), member, 8)), BadClientConfig);
  }
  EXPECT_EQ(parse_client_config(of("h", "password", 60'000)).auths.size(), 1u);
  const std::string deep = R"({"x": )" + std::string(500'000, '[');
  EXPECT_THROW(parse_client_config(deep), BadClientConfig);
  EXPECT_TRUE(parse_client_config(deep + std::string(500'000, ']') + "}").auths.empty());
}

TEST(ClientConfig, E20_AHelperWithASlashIsRefusedWhateverElseIsThere) {
  for (const char* text :
       {R"({"credsStore": "../evil"})", R"({"credHelpers": {"h": "/bin/sh"}})",
        R"({"auths": {"h": {"auth": "!"}}, "credHelpers": {"x": "ok", "y": "a/b"}})"})
    EXPECT_THROW(parse_client_config(text), PathTraversal) << text;
}

TEST(Helper, AnswersAndLists) {
  EXPECT_THAT(parse_helper_list(R"({"https://index.docker.io/v1/": "u", "h": "v"})"),
              ElementsAre("h", "https://index.docker.io/v1/"));
  EXPECT_THAT(parse_helper_list("{}"), IsEmpty());
  const auto user = parse_helper_answer(R"({"ServerURL":"x","Username":"u","Secret":"s"})", "h");
  EXPECT_EQ(user.username, "u");
  EXPECT_EQ(user.password.reveal(), "s");
  EXPECT_EQ(user.server_address, "h");
  const auto token = parse_helper_answer(R"({"Username":"<token>","Secret":"s"})", "h");
  EXPECT_EQ(token.username, "");
  EXPECT_EQ(token.identity_token.reveal(), "s");
  EXPECT_THROW(parse_helper_answer("s3cret", "h"), BadClientConfig);
  EXPECT_THROW(parse_helper_list("[]"), BadClientConfig);
}

}  // namespace
}  // namespace slipway::executors::docker
