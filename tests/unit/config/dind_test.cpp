#include <gmock/gmock.h>

#include "config/load.hpp"

namespace slipway::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config config_with(const std::string& keys) {
  return parse(R"([[runners]]
name = "r"
url = "http://gitlab.example.com"
token = "t"
executor = "docker"
[runners.docker]
image = "a"
[runners.docker.dind]
)" + keys,
               "/x/config.toml", [](const std::string&) { return std::optional<std::string>{}; });
}

Dind dind_of(const std::string& keys) {
  const auto config = config_with(keys);
  EXPECT_THAT(config.warnings, IsEmpty());
  return config.runners.at(0).docker.value().dind;
}

TEST(DindKeys, HaveDefaults) {
  const auto dind = dind_of("");
  EXPECT_TRUE(dind.readiness && dind.isolate_certs && dind.mint_certs && dind.plain_tls_flag &&
              dind.mtu && dind.dns);
  EXPECT_EQ(dind.layer_cache, Dind::LayerCache::off);
  EXPECT_EQ(dind.layer_cache_size, 20'000'000'000u);
  EXPECT_THAT(dind.images, IsEmpty());
}

TEST(DindKeys, AreRead) {
  bool Dind::*const flags[] = {&Dind::readiness,      &Dind::isolate_certs, &Dind::mint_certs,
                               &Dind::plain_tls_flag, &Dind::mtu,           &Dind::dns};
  const char* const keys[] = {"readiness",      "isolate_certs", "mint_certs",
                              "plain_tls_flag", "mtu",           "dns"};
  for (std::size_t i = 0; i < std::size(keys); ++i) {
    const auto dind = dind_of(std::string{keys[i]} + " = false");
    for (std::size_t other = 0; other < std::size(keys); ++other)
      EXPECT_EQ(dind.*flags[other], other != i) << keys[i];
  }
  EXPECT_EQ(dind_of("layer_cache = \"slot\"").layer_cache, Dind::LayerCache::slot);
  EXPECT_EQ(dind_of("layer_cache = \"project\"").layer_cache, Dind::LayerCache::project);
  EXPECT_EQ(dind_of("layer_cache = \"off\"").layer_cache, Dind::LayerCache::off);
  EXPECT_EQ(dind_of("layer_cache_size = \"5GB\"").layer_cache_size, 5'000'000'000u);
  EXPECT_EQ(dind_of("layer_cache_size = \"off\"").layer_cache_size, 0u);
  EXPECT_THAT(dind_of("images = [\"acme/*:*\", \"b\"]").images, ElementsAre("acme/*:*", "b"));
}

TEST(DindKeys, RefuseWhatTheyDoNotKnow) {
  const struct {
    const char* keys;
    const char* error;
  } cases[] = {
      {"layer_cache = \"on\"", "/x/config.toml:9:15: key \"runners.docker.dind.layer_cache\""},
      {"layer_cache_size = \"10%\"", "\"10%\" is neither a size"},
      {"layer_cache_size = \"big\"", "\"big\" is neither a size"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.keys);
    try {
      config_with(c.keys);
      ADD_FAILURE() << "accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.error));
    }
  }
  EXPECT_THAT(config_with("mint_cert = true").warnings.at(0).text, HasSubstr("mint_certs"));
}

}  // namespace
}  // namespace slipway::config
