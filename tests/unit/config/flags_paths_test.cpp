#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "config/duration.hpp"
#include "config/feature_flags.hpp"
#include "config/paths.hpp"

namespace slipway::config {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ParsesGoText) {
  const struct {
    const char* text;
    std::optional<std::chrono::nanoseconds> want;
  } cases[] = {
      {"1h30m", 90min},
      {"90s", 90s},
      {"1.5h", 90min},
      {"300ms", 300ms},
      {"0", 0ns},
      {"-1m", -60s},
      {"+2s", 2s},
      {"1us", 1us},
      {"1µs", 1us},
      {"2ns", 2ns},
      {".5s", 500ms},
      {"1.s", 1s},
      {"1h0m0.25s", 1h + 250ms},
      {"1m30", std::nullopt},
      {"1h30min", std::nullopt},
      {"abc", std::nullopt},
      {"", std::nullopt},
      {"s", std::nullopt},
      {".s", std::nullopt},
      {"1 h", std::nullopt},
      {"-", std::nullopt},
      {"1e3s", std::nullopt},
      {"99999999999h", std::nullopt},
      {"3600", std::nullopt},
      {"1d", std::nullopt},
      {"1..5s", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_duration(c.text), c.want) << c.text;
}

TEST(Duration, FormatsAsGo) {
  const struct {
    std::chrono::nanoseconds duration;
    const char* want;
  } cases[] = {
      {0ns, "0s"},
      {15min, "15m0s"},
      {90min, "1h30m0s"},
      {300ms, "300ms"},
      {1500ms, "1.5s"},
      {3600ns, "3.6µs"},
      {7ns, "7ns"},
      {-90s, "-1m30s"},
      {100h, "100h0m0s"},
      {61s + 5ms, "1m1.005s"},
      {1ms + 1us, "1.001ms"},
      {std::chrono::nanoseconds::min(), "-2562047h47m16.854775808s"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_duration(c.duration), c.want);
}

TEST(FeatureFlags, Registry) {
  std::set<std::string_view> names;
  for (const auto& flag : feature_flags()) {
    EXPECT_TRUE(flag.name.starts_with("FF_")) << flag.name;
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
  }
  EXPECT_EQ(feature_flags().front().name, "FF_NETWORK_PER_BUILD");
  EXPECT_TRUE(find_feature_flag("FF_TIMESTAMPS")->fallback);
  EXPECT_EQ(find_feature_flag("FF_NONE"), nullptr);
}

TEST(FeatureFlags, Resolution) {
  const struct {
    const char* what;
    const char* flag;
    std::map<std::string, bool> runner;
    std::optional<std::string> job;
    bool want;
    bool warns;
  } cases[] = {
      {"default off", "FF_NETWORK_PER_BUILD", {}, {}, false, false},
      {"default on", "FF_TIMESTAMPS", {}, {}, true, false},
      {"job variable", "FF_TIMESTAMPS", {}, "f", false, false},
      {"runner before job", "FF_TIMESTAMPS", {{"FF_TIMESTAMPS", true}}, "false", true, false},
      {"no boolean", "FF_TIMESTAMPS", {}, "yes", true, true},
      {"empty", "FF_TIMESTAMPS", {}, "", true, false},
      {"outside a job", "FF_USE_JOB_ROUTER", {}, "true", false, false},
      {"outside a job, configured",
       "FF_USE_JOB_ROUTER",
       {{"FF_USE_JOB_ROUTER", true}},
       {},
       true,
       false},
      {"unknown", "FF_OWN", {}, "TRUE", true, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto got = resolve(c.flag, c.runner, [&](std::string_view name) {
      EXPECT_EQ(name, c.flag);
      return c.job;
    });
    EXPECT_EQ(got.value, c.want);
    EXPECT_EQ(!got.warning.empty(), c.warns);
    if (c.warns) {
      EXPECT_EQ(got.warning.find(*c.job), std::string::npos) << "shows the value";
    }
  }
}

TEST(Paths, ByNameAndUser) {
  const struct {
    Identity who;
    const char* file;
    const char* certs;
    const char* state;
  } cases[] = {
      {{"slipway", 0, "/root"},
       "/etc/slipway/config.toml",
       "/etc/slipway/certs",
       "/var/lib/slipway"},
      {{"slipway", 1000, "/home/u"},
       "/home/u/.slipway/config.toml",
       "/home/u/.slipway/certs",
       "/home/u/.slipway/state"},
      {{"slipway", 1000, ""}, "./config.toml", "./certs", "./state"},
      {{"gitlab-runner", 0, "/root"},
       "/etc/gitlab-runner/config.toml",
       "/etc/gitlab-runner/certs",
       "/var/lib/slipway"},
      {{"gitlab-runner", 1, "/h"},
       "/h/.gitlab-runner/config.toml",
       "/h/.gitlab-runner/certs",
       "/h/.gitlab-runner/state"},
      {{"other-name", 0, ""}, "/etc/slipway/config.toml", "/etc/slipway/certs", "/var/lib/slipway"},
  };
  for (const auto& c : cases) {
    const auto paths = default_paths(c.who);
    EXPECT_EQ(paths.config_file, c.file);
    EXPECT_EQ(paths.certs_dir, c.certs);
    EXPECT_EQ(paths.state_dir, c.state);
  }
}

TEST(Paths, HintAtTheOtherFile) {
  const auto only = [](std::set<std::string> files) {
    return [files = std::move(files)](const std::string& path) { return files.contains(path); };
  };
  const Identity root{"slipway", 0, ""};
  const auto hint = foreign_config_hint(root, only({"/etc/gitlab-runner/config.toml"}));
  EXPECT_THAT(hint, testing::HasSubstr("--config /etc/gitlab-runner/config.toml"));
  EXPECT_THAT(hint, testing::HasSubstr("under the name gitlab-runner"));
  EXPECT_EQ(foreign_config_hint(root, only({})), "");
  EXPECT_EQ(foreign_config_hint(
                root, only({"/etc/gitlab-runner/config.toml", "/etc/slipway/config.toml"})),
            "");
  EXPECT_EQ(foreign_config_hint({"gitlab-runner", 0, ""}, only({"/etc/gitlab-runner/config.toml"})),
            "");
}

TEST(Paths, TlsFiles) {
  const auto exists = [](const std::string& path) {
    return path == "/c/git.example.org.crt" || path == "/c/git.example.org.auth.key";
  };
  Runner runner;
  runner.url = "https://u:p@git.example.org:8443/sub";
  auto files = tls_paths(runner, "/c", exists);
  EXPECT_EQ(files.ca_file, "/c/git.example.org.crt");
  EXPECT_EQ(files.certificate_file, "");
  EXPECT_EQ(files.key_file, "/c/git.example.org.auth.key");
  runner.tls_ca_file = "/mine.pem";
  EXPECT_EQ(tls_paths(runner, "/c", exists).ca_file, "/mine.pem");
  runner = {};
  for (const auto* url : {"", "https://", "nonsense", "https://../x"}) {
    runner.url = url;
    EXPECT_EQ(tls_paths(runner, "/c", [](const std::string&) { return true; }).ca_file, "") << url;
  }
}

TEST(ChangedFlags, AreNamedInTheirOrderWithTheirValues) {
  std::map<std::string, std::string> job;
  const FlagVariables variables = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = job.find(std::string{name});
    if (found == job.end()) return std::nullopt;
    return found->second;
  };
  EXPECT_EQ(changed_flags({}, variables), "");
  job = {{"FF_TIMESTAMPS", "0"}, {"FF_NETWORK_PER_BUILD", "true"}, {"FF_USE_FASTZIP", "1"}};
  EXPECT_EQ(changed_flags({}, variables), "FF_NETWORK_PER_BUILD:true, FF_TIMESTAMPS:false");
  EXPECT_EQ(changed_flags({{"FF_TIMESTAMPS", true}, {"FF_SCRIPT_SECTIONS", true}}, variables),
            "FF_NETWORK_PER_BUILD:true, FF_SCRIPT_SECTIONS:true");
  job = {{"FF_TIMESTAMPS", "maybe"}, {"FF_UNKNOWN", "true"}, {"FF_USE_JOB_ROUTER", "true"}};
  EXPECT_EQ(changed_flags({}, variables), "") << "no boolean, no flag, not a job's to set";
}

}  // namespace
}  // namespace slipway::config
