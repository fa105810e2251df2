#include "cmd/slipway/runner_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cmd/slipway/go_style.hpp"

namespace slipway::cmd {
namespace {

const RunnerFlag* find(const std::vector<RunnerFlag>& flags, const std::string& key) {
  const auto found = std::ranges::find(flags, key, &RunnerFlag::key);
  return found == flags.end() ? nullptr : &*found;
}

TEST(RunnerFlagNames, FollowTheRuleAndItsDeviations) {
  const struct {
    const char* key;
    const char* flag;
    const char* env;
  } cases[] = {
      {"limit", "limit", "RUNNER_LIMIT"},
      {"output_limit", "output-limit", "RUNNER_OUTPUT_LIMIT"},
      {"request_concurrency", "request-concurrency", "RUNNER_REQUEST_CONCURRENCY"},
      {"builds_dir", "builds-dir", "RUNNER_BUILDS_DIR"},
      {"pre_get_sources_script", "pre-get-sources-script", "RUNNER_PRE_GET_SOURCES_SCRIPT"},
      {"environment", "env", "RUNNER_ENV"},
      {"clone_url", "clone-url", "CLONE_URL"},
      {"feature_flags", "feature-flags", "FEATURE_FLAGS"},
      {"tls-ca-file", "tls-ca-file", "CI_SERVER_TLS_CA_FILE"},
      {"unhealthy_interval", "unhealthy-interval", ""},
      {"custom_build_dir.enabled", "custom_build_dir-enabled", "CUSTOM_BUILD_DIR_ENABLED"},
      {"docker.image", "docker-image", "DOCKER_IMAGE"},
      {"docker.host", "docker-host", "DOCKER_HOST"},
      {"docker.volumes", "docker-volumes", "DOCKER_VOLUMES"},
      {"docker.pull_policy", "docker-pull-policy", "DOCKER_PULL_POLICY"},
      {"docker.tls_cert_path", "docker-cert-path", "DOCKER_CERT_PATH"},
      {"docker.tls_verify", "docker-tlsverify", "DOCKER_TLS_VERIFY"},
      {"docker.userns_mode", "docker-userns", "DOCKER_USERNS_MODE"},
      {"docker.ipcmode", "docker-ipcmode", "DOCKER_IPC_MODE"},
      {"docker.services_privileged", "docker-services_privileged", "DOCKER_SERVICES_PRIVILEGED"},
      {"docker.allowed_users", "docker-allowed_users", "DOCKER_ALLOWED_USERS"},
      {"docker.service_gpus", "docker-service_gpus", "DOCKER_SERVICE_GPUS"},
      {"docker.network_mtu", "docker-network-mtu", ""},
      {"docker.container_labels", "docker-container-labels", ""},
  };
  const auto flags = runner_flags();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.key);
    const auto* flag = find(flags, c.key);
    ASSERT_NE(flag, nullptr);
    EXPECT_EQ(flag->flag, c.flag);
    EXPECT_EQ(flag->env, c.env);
  }
}

TEST(RunnerFlagNames, AreUniqueAndLeaveOutWhatRegisterSets) {
  const auto flags = runner_flags();
  std::set<std::string> names, variables;
  for (const auto& flag : flags) {
    EXPECT_TRUE(names.insert(flag.flag).second) << flag.flag;
    const bool repeated = !flag.env.empty() && !variables.insert(flag.env).second;
    EXPECT_FALSE(repeated) << flag.env;
  }
  for (const auto* key : {"name", "url", "token", "id", "executor", "docker.services", "cache"})
    EXPECT_EQ(find(flags, key), nullptr) << key;
}

TEST(RunnerFlagValues, AreOfTheKeysKind) {
  using config::Kind;
  const auto value = [](Kind kind, std::vector<std::string> texts) {
    return flag_value({"key", "flag", "", kind}, texts);
  };
  EXPECT_EQ(value(Kind::integer, {"1", "3"}), config::Value{std::int64_t{3}});
  EXPECT_EQ(value(Kind::boolean, {"true"}), config::Value{true});
  EXPECT_EQ(value(Kind::string, {"a", "b"}), config::Value{std::string{"b"}});
  EXPECT_EQ(value(Kind::string_list, {"a,b", "c"}),
            (config::Value{std::vector<std::string>{"a,b", "c"}}));
  EXPECT_EQ(value(Kind::string_or_list, {"never", "if-not-present, always,"}),
            (config::Value{std::vector<std::string>{"if-not-present", "always"}}));
  EXPECT_EQ(
      value(Kind::string_map, {"/tmp:rw", "nofile:1024:2048"}),
      (config::Value{std::map<std::string, std::string>{{"/tmp", "rw"}, {"nofile", "1024:2048"}}}));
  EXPECT_EQ(value(Kind::bool_map, {"FF_X:true", "FF_Y:0"}),
            (config::Value{std::map<std::string, bool>{{"FF_X", true}, {"FF_Y", false}}}));
}

TEST(RunnerFlagValues, ABadOneNamesTheFlag) {
  using config::Kind;
  const struct {
    Kind kind;
    const char* text;
    const char* want;
  } cases[] = {
      {Kind::integer, "three", "invalid value \"three\" for -flag: expected a decimal number"},
      {Kind::integer, "99999999999999999999",
       "invalid value \"99999999999999999999\" for -flag: expected a decimal number"},
      {Kind::boolean, "yes", "invalid value \"yes\" for -flag: expected true or false"},
      {Kind::string_map, "alone", "invalid value \"alone\" for -flag: expected key:value"},
      {Kind::bool_map, "FF_X:on", "invalid value \"on\" for -flag: expected true or false"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    try {
      flag_value({"key", "flag", "", c.kind}, {c.text});
      ADD_FAILURE() << "no error";
    } catch (const UsageError& error) {
      EXPECT_STREQ(error.what(), c.want);
    }
  }
}

}  // namespace
}  // namespace slipway::cmd
