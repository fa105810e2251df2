// Every class of broken configuration, with the exact text that the administrator reads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace slipway::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config load_text(const std::string& text) {
  return parse(text, "c.toml", [](const std::string&) { return std::nullopt; });
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

/// A runner without fault; `more` follows on line 6.
std::string runner_with(const std::string& more) {
  return "[[runners]]\nname = \"r\"\nurl = \"https://h/\"\ntoken = \"t\"\nexecutor = \"docker\"\n" +
         more;
}
std::string docker_with(const std::string& more) {
  return runner_with("[runners.docker]\n" + more);
}

TEST(BrokenConfig, WhatKeepsTheFileFromBeingUsed) {
  const struct {
    const char* what;
    std::string text;
    const char* want;
  } cases[] = {
      {"an integer is a string", "concurrent = \"x\"\n",
       "c.toml:1:14: key \"concurrent\": expected an integer, found a string"},
      {"a string is an integer", docker_with("cpus = 2\n"),
       "c.toml:7:8: key \"runners.docker.cpus\": expected a string, found an integer"},
      {"a boolean is a string", docker_with("privileged = \"true\"\n"),
       "c.toml:7:14: key \"runners.docker.privileged\": expected true or false, found a string"},
      {"a boolean is an integer", docker_with("tls_verify = 1\n"),
       "c.toml:7:14: key \"runners.docker.tls_verify\": expected true or false, found an integer"},
      {"an integer is a fraction", "check_interval = 1.5\n",
       "c.toml:1:18: key \"check_interval\": expected an integer, found a floating point number"},
      {"a list is a string", docker_with("volumes = \"/cache\"\n"),
       "c.toml:7:11: key \"runners.docker.volumes\": expected an array of strings, found a string"},
      {"a list holds an integer", runner_with("environment = [\"A=1\", 2]\n"),
       "c.toml:6:23: key \"runners.environment\": expected an array of strings, found an integer"},
      {"a string or a list is an integer", docker_with("pull_policy = 5\n"),
       "c.toml:7:15: key \"runners.docker.pull_policy\": expected a string or an array of strings, "
       "found an integer"},
      {"a size with a unit", docker_with("shm_size = \"1g\"\n"),
       "c.toml:7:12: key \"runners.docker.shm_size\": expected an integer, found a string"},
      {"a map is a string", docker_with("tmpfs = \"/tmp\"\n"),
       "c.toml:7:9: key \"runners.docker.tmpfs\": expected a table of strings, found a string"},
      {"a map holds an integer", docker_with("[runners.docker.sysctls]\na = 1\n"),
       "c.toml:8:5: key \"runners.docker.sysctls.a\": expected a string, found an integer"},
      {"a flag is a string", runner_with("[runners.feature_flags]\nFF_X = \"true\"\n"),
       "c.toml:7:8: key \"runners.feature_flags.FF_X\": expected true or false, found a string"},
      {"a map of lists holds a string",
       docker_with("[runners.docker.services_devices]\n\"a\" = \"/dev/fuse\"\n"),
       "c.toml:8:7: key \"runners.docker.services_devices.a\": expected an array of strings, found "
       "a string"},
      {"a time is a string", runner_with("token_obtained_at = \"2026-01-01\"\n"),
       "c.toml:6:21: key \"runners.token_obtained_at\": expected a date and time with offset, "
       "found a string"},
      {"a duration with a wrong unit", runner_with("prepare_timeout = \"1h30min\"\n"),
       "c.toml:6:19: key \"runners.prepare_timeout\": invalid duration: \"1h30min\" (write it as "
       "\"1h30m\" or \"90s\")"},
      {"a duration is a boolean", "connection_max_age = true\n",
       "c.toml:1:22: key \"connection_max_age\": expected a duration such as \"1h30m\", found a "
       "boolean"},
      {"runners is a table", "[runners]\nname = \"x\"\n",
       "c.toml:1:1: key \"runners\": expected an array of tables ([[…]]), found a table"},
      {"services is a table", docker_with("[runners.docker.services]\nname = \"x\"\n"),
       "c.toml:7:1: key \"runners.docker.services\": expected an array of tables ([[…]]), found a "
       "table"},
      {"a table is a string", runner_with("docker = \"x\"\n"),
       "c.toml:6:10: key \"runners.docker\": expected a table, found a string"},
      {"log level", "\nlog_level = \"verbos\"\n",
       "c.toml:2:13: key \"log_level\": \"verbos\" is none of panic, fatal, error, warn, warning, "
       "info, debug, trace"},
      {"log format", "log_format = \"jsn\"\n",
       "c.toml:1:14: key \"log_format\": \"jsn\" is none of runner, text, json (did you mean "
       "\"json\"?)"},
      {"own key", "[slipway]\non_stop = \"wait\"\n",
       "c.toml:2:11: key \"slipway.on_stop\": \"wait\" is neither \"abort\" nor \"adopt\""},
      {"own key of docker", docker_with("agent = \"on\"\n"),
       "c.toml:7:9: key \"runners.docker.agent\": \"on\" is neither \"auto\" nor \"off\""},
      {"label's key", "[labels]\na = \"b\"\n",
       "c.toml:1:1: invalid config: validating global labels: invalid label key, doesn't match "
       "\"^[a-zA-Z0-9_][a-zA-Z0-9._-]{2,64}$\": a"},
      {"label's value", runner_with("[runners.labels]\nabc = \"b c\"\n"),
       "c.toml:6:1: invalid config: validating runner labels: invalid value of label abc, doesn't "
       "match \"^[a-zA-Z0-9._-]{1,256}$\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(error_of(c.text), c.want);
  }
}

/// The parser's words may differ between its versions; the place may not.
TEST(BrokenConfig, SyntaxErrorsNameTheirPlace) {
  const struct {
    const char* text;
    const char* place;
  } cases[] = {
      {"concurrent =\n", "c.toml:1:13: "},
      {"concurrent = 1 2\n", "c.toml:1:16: "},
      {"[[runners]\n", "c.toml:1:"},
      {"a = 1\n[[runners]]\n  token = TOKEN\n", "c.toml:3:"},
      {"[[runners]]\nlimit = 1\nlimit = 2\n", "c.toml:3:"},
      {"name = \"\xff\"\n", "c.toml:1:"},
      {"name = \"no end\n", "c.toml:1:"},
  };
  for (const auto& c : cases) EXPECT_THAT(error_of(c.text), testing::StartsWith(c.place)) << c.text;
}

TEST(BrokenConfig, UnknownKeysAreToldWithTheNearestKnownOne) {
  EXPECT_THAT(warnings_of("conccurent = 2\n" + docker_with("priviliged = true\n[zzzzzz]\nq = 1\n")),
              ElementsAre("c.toml:1: unknown key \"conccurent\" (did you mean \"concurrent\"?)",
                          "c.toml:8: unknown key \"runners.docker.priviliged\" (did you mean "
                          "\"privileged\"?)",
                          "c.toml:9: unknown key \"zzzzzz\""));
}

TEST(BrokenConfig, WhatWouldFailJobsOrMeanNothingIsAWarning) {
  const struct {
    const char* what;
    std::string text;
    const char* want;
  } cases[] = {
      {"no url", "[[runners]]\nname = \"r\"\ntoken = \"t\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the url is empty"},
      {"no scheme",
       "[[runners]]\nname = \"r\"\nurl = \"h/\"\ntoken = \"t\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the url \"h/\" is not of the form https://host/"},
      {"old url",
       "[[runners]]\nname = \"r\"\nurl = \"http://h/ci\"\ntoken = \"t\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the /ci suffix of the url is deprecated; remove it"},
      {"no token", "[[runners]]\nname = \"r\"\nurl = \"http://h\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the token is empty, the runner will not be polled"},
      {"a token with spaces",
       "[[runners]]\nname = \"r\"\nurl = \"http://h\"\ntoken = \"a b\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the token has blanks in it, GitLab will refuse it"},
      {"a variable that is not set",
       "[[runners]]\nname = \"r\"\nurl = \"http://h\"\ntoken = \"$NONE\"\nexecutor = \"shell\"\n",
       "c.toml:1: runner \"r\": the token is empty, the runner will not be polled"},
      {"no executor", "[[runners]]\nname = \"r\"\nurl = \"http://h\"\ntoken = \"t\"\n",
       "c.toml:1: runner \"r\": the executor is empty, the runner takes no jobs"},
      {"unknown executor",
       "[[runners]]\nname = \"r\"\nurl = \"http://h\"\ntoken = \"t\"\nexecutor = \"dcoker\"\n",
       "c.toml:5: key \"runners.executor\": \"dcoker\" is none of custom, docker, docker+machine, "
       "docker-autoscaler, docker-windows, instance, kubernetes, parallels, shell, ssh, "
       "virtualbox (did you mean \"docker\"?)"},
      {"the executor's table is missing", runner_with(""),
       "c.toml:1: runner \"r\": executor \"docker\" needs a [runners.docker] table; without it no "
       "job is taken"},
      {"another executor's table",
       "[[runners]]\nname = \"r\"\nurl = \"http://h\"\ntoken = \"t\"\nexecutor = \"kubernetes\"\n"
       "[runners.docker]\n",
       "c.toml:1: runner \"r\": executor \"kubernetes\" needs a [runners.kubernetes] table; "
       "without it no job is taken"},
      {"shell",
       docker_with("") + "[[runners]]\nname = \"s\"\nurl = \"http://h\"\ntoken = \"u\"\n"
                         "executor = \"shell\"\nshell = \"zsh\"\n",
       "c.toml:12: key \"runners.shell\": \"zsh\" is none of bash, sh, cmd, pwsh, powershell (did "
       "you mean \"sh\"?)"},
      {"a variable without =", runner_with("environment = [\"A=1\", \"B\"]\n[runners.docker]\n"),
       "c.toml:6: key \"runners.environment\": \"B\" is not NAME=value and is dropped"},
      {"flag",
       runner_with("[runners.docker]\n[runners.feature_flags]\nFF_NETWORK_PER_BIULD = "
                   "true\n"),
       "c.toml:8: there is no feature flag \"FF_NETWORK_PER_BIULD\" (did you mean "
       "\"FF_NETWORK_PER_BUILD\"?)"},
      {"a relative path", runner_with("builds_dir = \"builds\"\n[runners.docker]\n"),
       "c.toml:6: key \"runners.builds_dir\": \"builds\" is not an absolute path"},
      {"a negative limit", runner_with("limit = -1\n[runners.docker]\n"),
       "c.toml:6: key \"runners.limit\": -1 is negative and means the default"},
      {"a bare integer as duration", runner_with("prepare_timeout = 3600\n[runners.docker]\n"),
       "c.toml:6: key \"runners.prepare_timeout\": the integer 3600 means 3.6µs (nanoseconds); "
       "write a duration such as \"90s\""},
      {"cache type", docker_with("[runners.cache]\nType = \"S3\"\n"),
       "c.toml:8: key \"runners.cache.Type\": \"S3\" is none of s3, gcs, azure (did you mean "
       "\"s3\"?)"},
      {"cache without its bucket", docker_with("[runners.cache]\nType = \"s3\"\n"),
       "c.toml:8: key \"runners.cache.Type\": \"s3\" needs BucketName in [runners.cache.s3]"},
      {"pull policy", docker_with("pull_policy = [\"always\", \"sometimes\"]\n"),
       "c.toml:7: key \"runners.docker.pull_policy\": \"sometimes\" is none of always, "
       "if-not-present, never"},
      {"allowed pull policy", docker_with("allowed_pull_policies = [\"always\", \"nevr\"]\n"),
       "c.toml:7: key \"runners.docker.allowed_pull_policies\": \"nevr\" is none of always, "
       "if-not-present, never (did you mean \"never\"?)"},
      {"policies that exclude each other",
       docker_with("pull_policy = \"never\"\nallowed_pull_policies = [\"always\"]\n"),
       "c.toml:8: key \"runners.docker.allowed_pull_policies\" has none of the pull_policy "
       "(never): jobs that name none of their own will fail"},
      {"memory", docker_with("memory = \"1x\"\n"),
       "c.toml:7: key \"runners.docker.memory\": \"1x\" is not a size such as 512m or 2g"},
      {"cpus", docker_with("cpus = \"two\"\n"),
       "c.toml:7: key \"runners.docker.cpus\": \"two\" is not a number of CPUs"},
      {"dns", docker_with("dns = [\"1.1.1.1\", \"one.one\"]\n"),
       "c.toml:7: key \"runners.docker.dns\": \"one.one\" is not an IP address"},
      {"mac", docker_with("mac_address = \"02:42\"\n"),
       "c.toml:7: key \"runners.docker.mac_address\": \"02:42\" is not a MAC address"},
      {"host", docker_with("host = \"/var/run/docker.sock\"\n"),
       "c.toml:7: key \"runners.docker.host\": \"/var/run/docker.sock\" is not of the form "
       "unix:///path or tcp://host:port"},
      {"extra host", docker_with("extra_hosts = [\"a\"]\n"),
       "c.toml:7: key \"runners.docker.extra_hosts\": \"a\" is not of the form name:address"},
      {"user namespace", docker_with("userns_mode = \"guest\"\n"),
       "c.toml:7: key \"runners.docker.userns_mode\": \"guest\" is neither empty nor \"host\""},
      {"ulimit", docker_with("[runners.docker.ulimit]\nnofile = \"many\"\n"),
       "c.toml:8: key \"runners.docker.ulimit.nofile\": \"many\" is not soft[:hard]"},
      {"log option", docker_with("[runners.docker.log_options]\nmax-size = \"1m\"\n"),
       "c.toml:8: key \"runners.docker.log_options.max-size\": only env and labels are allowed"},
      {"out of memory score", docker_with("oom_score_adjust = 2000\n"),
       "c.toml:7: key \"runners.docker.oom_score_adjust\": 2000 is not between -1000 and 1000"},
      {"shared memory", docker_with("shm_size = -1\n"),
       "c.toml:7: key \"runners.docker.shm_size\": -1 is not a size"},
      {"a service without a name", docker_with("[[runners.docker.services]]\nalias = \"db\"\n"),
       "c.toml:7: a service in [[runners.docker.services]] has no name"},
      {"the same runner twice",
       docker_with("") + "[[runners]]\nname = \"s\"\nurl = \"https://h/\"\ntoken = \"t\"\n"
                         "executor = \"shell\"\n",
       "c.toml:7: runner \"s\" has the url and token of runner \"r\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_THAT(warnings_of(c.text), ElementsAre(c.want));
  }
}

TEST(BrokenConfig, NothingIsSaidOfWhatIsRight) {
  const std::string texts[] = {
      docker_with(""),
      docker_with("memory = \"1.5GiB\"\nmemory_swap = \"-1\"\ncpus = \"1/2\"\nhost = "
                  "\"ssh://u@h\"\nmac_address = \"02-42-ac-11-00-02\"\ndns = [\"::1\"]\n"
                  "extra_hosts = [\"a:host-gateway\"]\nuserns_mode = \"\"\n"
                  "[runners.docker.ulimit]\nnofile = \"-1:-1\"\n"),
      docker_with("memory = \"$MEMORY\"\n[runners.cache]\nType = \"azure\"\n[runners.cache.azure]\n"
                  "ContainerName = \"c\"\n"),
      "log_level = \"WARN\"\nlog_format = \"\"\n",
      runner_with("builds_dir = \"$HOME/b\"\n[runners.docker]\n"),
  };
  for (const auto& text : texts) EXPECT_THAT(warnings_of(text), IsEmpty()) << text;
}

/// A build host's file; the figure of the release build is in docs/configuration.md.
TEST(BrokenConfig, TwoHundredRunnersLoad) {
  std::string text = "concurrent = 50\n";
  for (int i = 0; i < 200; ++i)
    text += "[[runners]]\nname = \"r" + std::to_string(i) +
            "\"\nurl = \"https://h/\"\ntoken = \"t" + std::to_string(i) +
            "\"\nexecutor = \"docker\"\n[runners.docker]\nimage = \"a\"\n" +
            "volumes = [\"/cache\"]\n";
  const auto config = load_text(text);
  EXPECT_EQ(config.runners.size(), 200u);
  EXPECT_THAT(config.warnings, IsEmpty());
}

}  // namespace
}  // namespace slipway::config
