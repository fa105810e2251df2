#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipway::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using namespace std::chrono_literals;

Environment environment(std::map<std::string, std::string> values = {}) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional{found->second};
  };
}

Config load_text(const std::string& text) {
  return parse(text, "/x/config.toml", environment());
}

std::string error_of(const std::string& text) {
  try {
    load_text(text);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

std::vector<std::string> warnings_of(const std::string& text) {
  std::vector<std::string> texts;
  for (const auto& warning : load_text(text).warnings) texts.push_back(warning.text);
  return texts;
}

TEST(Load, DefaultsOfAnEmptyFile) {
  const auto config = load_text("");
  EXPECT_EQ(config.concurrent, 1);
  EXPECT_EQ(config.check_interval, 3s);
  EXPECT_EQ(config.shutdown_timeout, 30s);
  EXPECT_EQ(config.connection_max_age, 15min);
  EXPECT_EQ(config.session_server.session_timeout, 1800s);
  EXPECT_EQ(config.slipway.on_stop, OnStop::abort);
  EXPECT_EQ(config.slipway.adopt_timeout, 10min);
  EXPECT_THAT(config.runners, IsEmpty());
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST(Load, ZeroAndNegativeNumbersMeanTheDefault) {
  const auto config = load_text(R"(concurrent = 0
check_interval = 0
shutdown_timeout = -1
[[runners]]
  url = "http://h"
  token = "t"
  limit = -2
  output_limit = 0
  request_concurrency = 0
  unhealthy_requests_limit = 0
  job_status_final_update_retry_limit = 0
  [runners.docker]
    wait_for_services_timeout = 0
)");
  EXPECT_EQ(config.concurrent, 0) << "run refuses it by name";
  EXPECT_EQ(config.check_interval, 3s);
  EXPECT_EQ(config.shutdown_timeout, 30s);
  const auto& runner = config.runners.at(0);
  EXPECT_EQ(runner.limit, 0);
  EXPECT_EQ(runner.output_limit, 4194304u);
  EXPECT_EQ(runner.request_concurrency, 1);
  EXPECT_EQ(runner.unhealthy_requests_limit, 3);
  EXPECT_FALSE(runner.unhealthy_interval);
  EXPECT_EQ(runner.job_status_final_update_retry_limit, 10);
  EXPECT_EQ(runner.docker.value().wait_for_services_timeout, 30s);
}

TEST(Load, EveryKeyOfARunner) {
  const auto config = load_text(R"(concurrent = 4
check_interval = 7
log_level = "WARN"
log_format = "json"
shutdown_timeout = 60
connection_max_age = "5m"
[slipway]
  state_dir = "/s"
  on_stop = "adopt"
  adopt_timeout = "2m"
[[runners]]
  name = "r"
  url = "https://gitlab.com/"
  id = 12345
  token = "glrt-abc"
  token_obtained_at = 2026-01-01T00:00:00Z
  token_expires_at = 2027-02-03T04:05:06+01:00
  tls-ca-file = "/ca.pem"
  limit = 2
  output_limit = 100
  request_concurrency = 3
  strict_check_interval = true
  unhealthy_requests_limit = 5
  unhealthy_interval = "90s"
  executor = "shell"
  builds_dir = "/builds"
  environment = ["A=1", "B=x=y", "A=2"]
  pre_build_script = """
set -x
date"""
  prepare_timeout = "1.5h"
  debug_trace_disabled = true
  clean_git_config = false
  shell = "sh"
  [runners.custom_build_dir]
    enabled = true
  [runners.feature_flags]
    FF_NETWORK_PER_BUILD = true
)");
  EXPECT_EQ(config.concurrent, 4);
  EXPECT_EQ(config.check_interval, 7s);
  EXPECT_EQ(config.log_level, "warn");
  EXPECT_EQ(config.shutdown_timeout, 60s);
  EXPECT_EQ(config.connection_max_age, 5min);
  EXPECT_EQ(config.slipway.state_dir, "/s");
  EXPECT_EQ(config.slipway.on_stop, OnStop::adopt);
  EXPECT_EQ(config.slipway.adopt_timeout, 2min);
  const auto& runner = config.runners.at(0);
  EXPECT_EQ(runner.id, 12345);
  EXPECT_EQ(runner.token.reveal(), "glrt-abc");
  EXPECT_EQ(runner.token_obtained_at, "2026-01-01T00:00:00Z");
  EXPECT_EQ(runner.token_expires_at, "2027-02-03T04:05:06+01:00");
  EXPECT_EQ(runner.tls_ca_file, "/ca.pem");
  EXPECT_EQ(runner.limit, 2);
  EXPECT_EQ(runner.output_limit, 102400u);
  EXPECT_EQ(runner.request_concurrency, 3);
  EXPECT_TRUE(runner.strict_check_interval);
  EXPECT_EQ(runner.unhealthy_requests_limit, 5);
  EXPECT_EQ(runner.unhealthy_interval, 90s);
  EXPECT_THAT(runner.environment, ElementsAre(Pair("A", "1"), Pair("B", "x=y"), Pair("A", "2")));
  EXPECT_EQ(runner.pre_build_script, "set -x\ndate");
  EXPECT_EQ(runner.prepare_timeout, 90min);
  EXPECT_TRUE(runner.debug_trace_disabled);
  EXPECT_EQ(runner.clean_git_config, false);
  EXPECT_FALSE(runner.safe_directory_checkout);
  EXPECT_EQ(runner.custom_build_dir_enabled, true);
  EXPECT_THAT(runner.feature_flags, ElementsAre(Pair("FF_NETWORK_PER_BUILD", true)));
  EXPECT_FALSE(runner.docker);
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST(Load, DockerTable) {
  const auto config = load_text(R"([[runners]]
  url = "https://gitlab.com/"
  token = "TOKEN"
  executor = "docker"
  [runners.docker]
    host = "tcp://x:2376"
    image = "docker:24.0.5"
    privileged = true
    services_privileged = false
    pull_policy = "if-not-present"
    volumes = ["/certs/client", "/cache"]
    shm_size = 300000
    services_limit = 2
    wait_for_services_timeout = -1
    agent = "off"
    [runners.docker.tmpfs]
      "/tmp" = "rw"
    [runners.docker.services_devices]
      "a/*" = ["/dev/fuse"]
    [[runners.docker.services]]
      name = "docker:24.0.5-dind"
      alias = "docker"
      command = ["--registry-mirror", "https://registry-mirror.example.com"]
      environment = ["A=1"]
    [runners.docker.dind]
      readiness = false
)");
  const auto& docker = config.runners.at(0).docker.value();
  EXPECT_EQ(docker.host, "tcp://x:2376");
  EXPECT_TRUE(docker.privileged);
  EXPECT_EQ(docker.services_privileged, false);
  EXPECT_THAT(docker.pull_policy, ElementsAre("if-not-present"));
  EXPECT_THAT(docker.volumes, ElementsAre("/certs/client", "/cache"));
  EXPECT_EQ(docker.shm_size, 300000);
  EXPECT_EQ(docker.services_limit, 2);
  EXPECT_EQ(docker.wait_for_services_timeout, -1s);
  EXPECT_EQ(docker.agent, AgentMode::off);
  EXPECT_FALSE(docker.dind.readiness);
  EXPECT_THAT(docker.tmpfs, ElementsAre(Pair("/tmp", "rw")));
  EXPECT_THAT(docker.services_devices, ElementsAre(Pair("a/*", ElementsAre("/dev/fuse"))));
  ASSERT_EQ(docker.services.size(), 1u);
  EXPECT_EQ(docker.services[0].name, "docker:24.0.5-dind");
  EXPECT_THAT(docker.services[0].command,
              ElementsAre("--registry-mirror", "https://registry-mirror.example.com"));
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST(Load, ErrorsNameFileLineColumnAndKey) {
  const struct {
    const char* what;
    const char* text;
    const char* want;
  } cases[] = {
      {"syntax", "concurrent =\n", "/x/config.toml:1:13: "},
      {"token without quotes", "a = 1\n[[runners]]\n  token = TOKEN\n", "/x/config.toml:3:"},
      {"string for integer", "concurrent = \"x\"\n",
       "/x/config.toml:1:14: key \"concurrent\": expected an integer, found a string"},
      {"integer for string", "[[runners]]\n  [runners.docker]\n    cpus = 2\n",
       "/x/config.toml:3:12: key \"runners.docker.cpus\": expected a string, found an integer"},
      {"string for boolean", "[[runners]]\n[runners.docker]\nprivileged = \"true\"\n",
       "/x/config.toml:3:14: key \"runners.docker.privileged\": expected true or false"},
      {"bare string for list", "[[runners]]\n[runners.docker]\nvolumes = \"/cache\"\n",
       "key \"runners.docker.volumes\": expected an array of strings, found a string"},
      {"wrong item of a list", "[[runners]]\nenvironment = [\"A=1\", 2]\n",
       "/x/config.toml:2:23: key \"runners.environment\": expected an array of strings"},
      {"string or list", "[[runners]]\n[runners.docker]\npull_policy = 5\n",
       "expected a string or an array of strings, found an integer"},
      {"wrong value of a map", "[[runners]]\n[runners.feature_flags]\nFF_X = \"true\"\n",
       "/x/config.toml:3:8: key \"runners.feature_flags.FF_X\": expected true or false"},
      {"table for a scalar", "[concurrent]\na = 1\n", "expected an integer, found a table"},
      {"single runners table", "[runners]\nname = \"x\"\n",
       "key \"runners\": expected an array of tables ([[…]]), found a table"},
      {"duration", "[[runners]]\nprepare_timeout = \"1h30min\"\n",
       "/x/config.toml:2:19: key \"runners.prepare_timeout\": invalid duration: \"1h30min\""},
      {"duplicate key", "[[runners]]\nlimit = 1\nlimit = 2\n", "/x/config.toml:3:"},
      {"own key", "[slipway]\non_stop = \"wait\"\n",
       "/x/config.toml:2:11: key \"slipway.on_stop\": \"wait\" is neither"},
      {"own docker key", "[[runners]]\n[runners.docker]\nagent = \"on\"\n",
       "key \"runners.docker.agent\": \"on\" is neither"},
      {"label key", "[labels]\na = \"b\"\n",
       "validating global labels: invalid label key, doesn't match"},
      {"label value", "[[runners]]\n[runners.labels]\nabc = \"b c\"\n",
       "validating runner labels: invalid value of label abc"},
      {"not UTF-8", "name = \"\xff\"\n", "/x/config.toml:1:"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_THAT(error_of(c.text), HasSubstr(c.want));
  }
}

TEST(Load, UnknownKeysAreWarningsWithTheNearestKnownOne) {
  EXPECT_THAT(
      warnings_of("conccurent = 2\n\n[[runners]]\n  url = \"http://h\"\n  token = \"t\"\n"
                  "  buids_dir = \"/b\"\n  executor = \"docker\"\n  [runners.docker]\n    "
                  "priviliged = true\n"
                  "    helper_image_autoset_arch_and_os = true\n"
                  "[[runners.docker.services]]\nnames = \"x\"\nname = \"x\"\n[zzz]\nq = 1\n"),
      ElementsAre(
          "/x/config.toml:1: unknown key \"conccurent\" (did you mean \"concurrent\"?)",
          "/x/config.toml:6: unknown key \"runners.buids_dir\" (did you mean \"builds_dir\"?)",
          "/x/config.toml:9: unknown key \"runners.docker.priviliged\" (did you mean "
          "\"privileged\"?)",
          "/x/config.toml:10: unknown key \"runners.docker.helper_image_autoset_arch_and_os\"",
          "/x/config.toml:12: unknown key \"runners.docker.services.names\" (did you mean "
          "\"name\"?)",
          "/x/config.toml:14: unknown key \"zzz\""));
}

TEST(Load, DoubtfulValuesAreWarnings) {
  EXPECT_THAT(
      warnings_of("[[runners]]\nname = \"a\"\nurl = \"http://h/ci/\"\ntoken = \" \"\n"
                  "unhealthy_interval = 3600\nexecutor = \"shell\"\n"),
      ElementsAre(HasSubstr("5: key \"runners.unhealthy_interval\": the integer 3600 means 3.6µs"),
                  HasSubstr("1: runner \"a\": the token is empty"),
                  HasSubstr("1: runner \"a\": the /ci suffix")));
}

TEST(Load, KeysMatchRegardlessOfCaseExactFirst) {
  EXPECT_EQ(load_text("CONCURRENT = 5\n").concurrent, 5);
  EXPECT_EQ(load_text("CONCURRENT = 5\nconcurrent = 6\n").concurrent, 6);
  EXPECT_EQ(error_of("Concurrent = true\n"),
            "/x/config.toml:1:14: key \"Concurrent\": expected an integer, found a boolean");
  EXPECT_THAT(
      warnings_of("[[runners]]\nurl=\"http://h\"\ntoken=\"t\"\nexecutor=\"shell\"\n"
                  "[runners.cache]\ntype = \"s3\"\n[runners.cache.s3]\nserveraddress = \"m\"\n"
                  "bucketname = \"b\"\n"),
      IsEmpty());
}

TEST(Load, FormsOfToml) {
  EXPECT_EQ(load_text("runners = [{name = \"a\", url = \"http://h\", docker.image = \"i\"}]\n")
                .runners.at(0)
                .docker->image,
            "i");
  EXPECT_THAT(load_text("runners = []\n").runners, IsEmpty());
}

TEST(Load, ExpandsUrlAndTokenOnly) {
  const auto config =
      parse("[[runners]]\nname = \"$HOST\"\nurl = \"https://$HOST/${PATH_}\"\ntoken = \"$TOKEN\"\n",
            "c", environment({{"HOST", "h"}, {"TOKEN", "glrt-1"}}));
  EXPECT_EQ(config.runners.at(0).url, "https://h/");
  EXPECT_EQ(config.runners.at(0).token.reveal(), "glrt-1");
  EXPECT_EQ(config.runners.at(0).name, "$HOST");
}

TEST(Load, EnvironmentExpansion) {
  const auto variables = environment({{"A", "1"}, {"A_B", "2"}});
  const struct {
    const char* text;
    const char* want;
  } cases[] = {{"", ""},          {"plain", "plain"}, {"$A", "1"},  {"x${A}y", "x1y"},
               {"$A_B-", "2-"},   {"$NONE", ""},      {"a$", "a$"}, {"$ x", "$ x"},
               {"${NONE}z", "z"}, {"$$", ""},         {"${A", "A"}, {"a$.b", "a$.b"}};
  for (const auto& c : cases) EXPECT_EQ(expand_environment(c.text, variables), c.want) << c.text;
}

TEST(Load, MissingFileIsAnEmptyConfig) {
  const auto config = load("/nonexistent/config.toml", environment({{"SENTRY_DSN", "s"}}));
  EXPECT_FALSE(config.exists);
  EXPECT_EQ(config.concurrent, 1);
  EXPECT_EQ(config.sentry_dsn, "s");
}

TEST(Load, UnreadableFileIsAnError) {
  EXPECT_THROW(load("/dev", environment()), ConfigError);
}

TEST(Load, RunnerLabelsOverrideGlobalOnes) {
  const auto config = load_text(
      "[labels]\nzone = \"a\"\nteam = \"b\"\n[[runners]]\nurl = \"http://h\"\ntoken = \"t\"\n"
      "[runners.labels]\nzone = \"c\"\n");
  EXPECT_THAT(config.runners.at(0).labels, ElementsAre(Pair("team", "b"), Pair("zone", "c")));
}

TEST(Load, DocumentedVariantsLoadWithoutWarning) {
  const std::string head =
      "[[runners]]\n  url = \"https://gitlab.com/\"\n  token = \"TOKEN\"\n  executor = "
      "\"docker\"\n";
  const std::string variants[] = {
      "  [runners.docker]\n    tls_verify = false\n    image = \"docker:24.0.5\"\n    privileged = "
      "true\n"
      "    disable_cache = false\n    volumes = [\"/certs/client\", \"/cache\"]\n"
      "    [[runners.docker.services]]\n      name = \"docker:24.0.5-dind\"\n"
      "      command = [\"--registry-mirror\", \"https://registry-mirror.example.com\"]\n"
      "  [runners.cache]\n    [runners.cache.s3]\n    [runners.cache.gcs]\n",
      "  [runners.docker]\n    volumes = "
      "[\"/opt/docker/daemon.json:/etc/docker/daemon.json:ro\"]\n",
      "  environment = [\"DOCKER_DRIVER=overlay2\"]\n  [runners.docker]\n",
      "  [runners.docker]\n  [runners.cache]\n    Insecure = false\n",
      "  [runners.docker]\n    volumes = [\"//./pipe/docker_engine://./pipe/docker_engine\", "
      "\"/cache\"]\n",
      "  [runners.docker]\n  [runners.kubernetes]\n    image = \"docker\"\n    privileged = true\n"
      "    [[runners.kubernetes.volumes.empty_dir]]\n      name = \"docker-certs\"\n"
      "      mount_path = \"/certs/client\"\n      medium = \"Memory\"\n",
  };
  for (const auto& variant : variants)
    EXPECT_THAT(warnings_of(head + variant), IsEmpty()) << variant;
}

TEST(Load, LogLevels) {
  for (const auto* level : {"panic", "fatal", "error", "warn", "warning", "info", "Debug", "TRACE"})
    EXPECT_TRUE(is_log_level(level)) << level;
  for (const auto* level : {"", "verbose", "warns"}) EXPECT_FALSE(is_log_level(level)) << level;
}

TEST(Load, HostileTextsEndInAnErrorAtMost) {
  const std::string texts[] = {std::string(100'000, '['),
                               std::string(100'000, '{'),
                               "a = " + std::string(100'000, '['),
                               "a" + std::string(50'000, '.'),
                               std::string("\0\0", 2),
                               "\xEF\xBB\xBF",
                               "[[runners]]\nlimit = 99999999999\n",
                               "[[runners]]\noutput_limit = 9223372036854775807\n",
                               "runners = [1]\n",
                               "runners = [[]]\n",
                               "[[runners]]\n[[runners.docker]]\n",
                               "unhealthy = 1979-05-27\n"};
  for (const auto& text : texts) {
    try {
      load_text(text);
    } catch (const ConfigError& e) {
      EXPECT_THAT(e.what(), HasSubstr("/x/config.toml"));
    }
  }
}

}  // namespace
}  // namespace slipway::config
