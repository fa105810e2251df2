#include <csignal>
#include <regex>

#include "command_test.hpp"
#include "net/http.hpp"

namespace slipway::cmd {
namespace {

using local::Endpoint;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto legacy_token = "GR1348941legacy-secret";
constexpr auto ui_token = "glrt-t1_0123456789abcdef";

/// The file with what differs from run to run replaced.
std::string normalised(const std::string& text) {
  auto out = std::regex_replace(text, std::regex{"url = \"[^\"]*\""}, "url = \"URL\"");
  out = std::regex_replace(out, std::regex{"token = \"[^\"]*\""}, "token = \"TOKEN\"");
  return std::regex_replace(out, std::regex{"token_obtained_at = 2[^\\n]*"},
                            "token_obtained_at = NOW");
}

constexpr auto documented_file = R"(concurrent = 1
check_interval = 0
shutdown_timeout = 0

[session_server]
  session_timeout = 1800

[[runners]]
  name = "My Docker Runner"
  url = "URL"
  id = 12345
  token = "TOKEN"
  token_obtained_at = NOW
  token_expires_at = 0001-01-01T00:00:00Z
  executor = "docker"
  [runners.cache]
    MaxUploadedArchiveSize = 0
    [runners.cache.s3]
      AssumeRoleMaxConcurrency = 0
    [runners.cache.gcs]
    [runners.cache.azure]
  [runners.docker]
    tls_verify = false
    image = "docker:24.0.5-cli"
    privileged = true
    disable_entrypoint_overwrite = false
    oom_kill_disable = false
    disable_cache = false
    volumes = ["/certs/client", "/cache"]
    volume_keep = false
    shm_size = 0
    network_mtu = 0
)";

class Register : public CommandTest {};

TEST_F(Register, WritesTheDocumentedFile) {
  const auto outcome =
      run({"register", "-c", config, "-n", "--url", url(), "--registration-token", legacy_token,
           "--executor", "docker", "--description", "My Docker Runner", "--tag-list",
           "tls-docker-runner", "--docker-image", "docker:24.0.5-cli", "--docker-privileged",
           "--docker-volumes", "/certs/client"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(normalised(file()), documented_file);
  ASSERT_EQ(gitlab.runners().size(), 1u);
  const auto& runner = gitlab.runners()[0];
  EXPECT_THAT(file(), HasSubstr("token = \"" + runner.token.reveal() + "\""));
  EXPECT_EQ(runner.description, "My Docker Runner");
  EXPECT_EQ(runner.tags, std::vector<std::string>{"tls-docker-runner"});
  EXPECT_FALSE(runner.run_untagged);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("Runtime platform"), HasSubstr("Registering runner... succeeded"),
                    HasSubstr("Runner registered successfully."),
                    HasSubstr("was saved in \"" + config + "\"")));
  EXPECT_THAT(outcome.err, AllOf(Not(HasSubstr(legacy_token)),
                                 Not(HasSubstr(runner.token.reveal())), Not(HasSubstr("\033"))));
  EXPECT_EQ(outcome.out, "");
  const auto mode = std::filesystem::status(config).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Register, PullPolicyStandsBeforeShmSize) {
  const auto outcome =
      run(register_line({"-r", legacy_token, "--docker-pull-policy", "if-not-present"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(file(), HasSubstr("    volume_keep = false\n    pull_policy = "
                                "[\"if-not-present\"]\n    shm_size = 0\n"));
  EXPECT_TRUE(gitlab.runners()[0].run_untagged);
}

TEST_F(Register, RunnerFlagsAndVariablesReachTheFile) {
  const auto outcome = run(
      register_line({"-r", legacy_token, "--env", "B=2", "--env=C=3", "--limit", "3",
                     "--feature-flags", "FF_NETWORK_PER_BUILD:true", "--docker-tmpfs", "/tmp:rw",
                     "--docker-ulimit", "nofile:1024:2048", "--prepare-timeout", "5m",
                     "--docker-volumes", "/x:/cache", "-docker-shm-size=300000"}),
      "", {{"RUNNER_ENV", "A=1,X=2"}, {"DOCKER_HOST", "tcp://x:2376"}, {"DOCKER_TLS_VERIFY", ""}});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const auto* line : {"  limit = 3\n", "  environment = [\"A=1,X=2\", \"B=2\", \"C=3\"]\n",
                           "  prepare_timeout = \"5m0s\"\n", "    FF_NETWORK_PER_BUILD = true\n",
                           "    host = \"tcp://x:2376\"\n", "    tls_verify = false\n",
                           "    volumes = [\"/x:/cache\"]\n", "    shm_size = 300000\n",
                           "      \"/tmp\" = \"rw\"\n", "      nofile = \"1024:2048\"\n"})
    EXPECT_THAT(file(), HasSubstr(line));
  EXPECT_THAT(outcome.err, HasSubstr("variables=RUNNER_ENV,DOCKER_HOST"));
  EXPECT_THAT(outcome.err, HasSubstr("WARNING: The runner's limit is greater"));
}

TEST_F(Register, AnAuthenticationTokenIsVerifiedAndKept) {
  gitlab.add_runner(util::Secret{ui_token});
  for (const auto* flag : {"--token", "-r"}) {
    SCOPED_TRACE(flag);
    const auto outcome = run(register_line({flag, ui_token}));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("Verifying runner... is valid"));
    EXPECT_THAT(outcome.err, HasSubstr("runner=012345678"));
    EXPECT_THAT(outcome.err, Not(HasSubstr(ui_token)));
  }
  EXPECT_EQ(occurrences(file(), std::string{"token = \""} + ui_token + "\"\n"), 1u)
      << "the second time it is updated";
  EXPECT_EQ(occurrences(file(), "  id = 12345\n"), 1u);
  EXPECT_EQ(gitlab.count(Endpoint::register_runner), 0u);
}

TEST_F(Register, AnotherTokenIsKeptWithoutId) {
  gitlab.add_runner(util::Secret{"glrtr-0123456789"});
  const auto outcome = run(register_line({"--token", "glrtr-0123456789"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Token specified trying to verify runner..."),
                                 HasSubstr("is alive")));
  EXPECT_THAT(file(), AllOf(HasSubstr("  id = 0\n"),
                            HasSubstr("token_obtained_at = 0001-01-01T00:00:00Z\n")));
}

TEST_F(Register, ServerSettingsDoNotGoWithAnAuthenticationToken) {
  gitlab.add_runner(util::Secret{ui_token});
  auto outcome = run(register_line({"--token", ui_token, "--tag-list", "a", "--locked=false"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: --locked and --tag-list cannot be used"));
  EXPECT_EQ(gitlab.calls().size(), 0u);
  EXPECT_EQ(file(), "");
  outcome = run(register_line({"--token", ui_token, "--tag-list", "a", "--ignore-server-options"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  outcome = run(register_line({"-r", ui_token, "--paused"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Ignored: --paused"));
}

TEST_F(Register, NamesEverythingThatIsMissingBeforeTheFirstCall) {
  const struct {
    const char* what;
    std::vector<std::string> arguments;
    const char* want;
  } cases[] = {
      {"all",
       {"--executor", "docker"},
       "PANIC: The url, registration-token and docker-image need to be entered"},
      {"one",
       {"--executor", "docker", "-u", url(), "-r", "x"},
       "PANIC: The docker-image needs to be entered"},
      {"executor", {"-u", url(), "-r", "x"}, "PANIC: The executor needs to be entered"},
      {"no executor",
       {"-u", url(), "-r", "x", "--executor", "dokcer"},
       "PANIC: Invalid executor specified: \"dokcer\""},
      {"not yet",
       {"-u", url(), "-r", "x", "--executor", "shell"},
       "PANIC: executor \"shell\" is not supported by this version; supported: docker"},
      {"access level",
       {"--access-level", "all"},
       "PANIC: Given access-level is not valid: \"all\""},
      {"ca file",
       {"--tls-ca-file", "/no/ca.pem"},
       "PANIC: --tls-ca-file: /no/ca.pem cannot be read"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    std::vector<std::string> line{"register", "-c", config, "-n"};
    line.insert(line.end(), c.arguments.begin(), c.arguments.end());
    const auto outcome = run(line);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(c.want));
  }
  EXPECT_EQ(gitlab.calls().size(), 0u);
  EXPECT_EQ(file(), "");
}

TEST_F(Register, ARefusalShowsTheServersWordsAndWhatToDo) {
  auto outcome = run(register_line({"-r", "GR1348941wrong-token-value"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ERROR: Registering runner... forbidden (check "
                                           "registration token)"),
                                 HasSubstr("403 Forbidden"), HasSubstr("invalid token supplied"),
                                 HasSubstr("pass its glrt- token"),
                                 HasSubstr("PANIC: Failed to register the runner."),
                                 Not(HasSubstr("GR1348941wrong-token-value"))));
  outcome = run(register_line({"--token", "glrt-unknown"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ERROR: Verifying runner... is not valid"),
                                 HasSubstr("PANIC: Failed to verify the runner.")));
  EXPECT_EQ(file(), "");
}

TEST_F(Register, AnUnreachableServerIsNamed) {
  auto line = register_line({"-r", legacy_token, "--url", "http://127.0.0.1:1/"});
  const auto outcome = run(line);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Registering runner... failed"),
                                 HasSubstr("127.0.0.1:1"), HasSubstr("Connection refused")));
}

TEST_F(Register, AFailedSaveIsUndone) {
  const std::string unfit = "concurrent = 1\nrunners = []\n";
  write_file(unfit);
  auto outcome = run(register_line({"-r", legacy_token}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("Unregistering runner from GitLab succeeded"));
  EXPECT_TRUE(gitlab.runners()[0].removed);
  EXPECT_EQ(file(), unfit);
  outcome = run(register_line({"-r", legacy_token, "--leave-runner"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(gitlab.runners()[1].removed);
}

TEST_F(Register, KeepsWhatIsInTheFile) {
  const std::string old =
      "# mine\nconcurrent = 4  # four\nfuture_key = 1\n\n[[runners]]\n  name = \"x\"\n  url = "
      "\"$MY_URL\"\n  token = \"t\"\n  executor = \"docker\"\n  [runners.docker]\n    image = "
      "\"a\"\n";
  write_file(old);
  const auto outcome = run(register_line({"-r", legacy_token}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(file(), testing::StartsWith(old + "\n[[runners]]\n  name = \"My Runner\"\n"));
  EXPECT_THAT(outcome.err, HasSubstr("future_key"));
}

TEST_F(Register, AsksForWhatItNeeds) {
  const auto outcome = run(
      {"register", "-c", config, "--name", "given"},
      url() + "\n" + legacy_token + "\n\nnew, tags\nnote\nnothing\nshell\ndocker\n\nruby:3.3\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const auto* text :
       {"Enter the GitLab instance URL (for example, https://gitlab.com/):\n",
        "Enter the registration token:\n", "Enter a description for the runner:\n[given]: ",
        "Enter tags for the runner (comma-separated):\n",
        "Enter optional maintenance note for the runner:\n", "Enter an executor: custom, docker, ",
        "ERROR: Invalid executor specified", "ERROR: executor \"shell\" is not supported",
        "Enter the default Docker image (for example, ruby:3.3):\n"})
    EXPECT_THAT(outcome.err, HasSubstr(text));
  EXPECT_EQ(occurrences(outcome.err, "Enter the default Docker image"), 2u);
  EXPECT_THAT(file(), AllOf(HasSubstr("name = \"given\""), HasSubstr("image = \"ruby:3.3\"")));
  EXPECT_EQ(gitlab.runners()[0].tags, (std::vector<std::string>{"new", "tags"}));
}

TEST_F(Register, TheEndOfInputIsExplainedAndUndone) {
  gitlab.add_runner(util::Secret{ui_token});
  const auto outcome = run({"register", "-c", config, "-u", url(), "--token", ui_token}, "\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("PANIC: Unexpected EOF. Did you mean to use --non-interactive?"),
                    HasSubstr("Unregistering runner manager from GitLab succeeded")));
  EXPECT_EQ(gitlab.runners()[0].system_ids, std::vector<std::string>{});
}

TEST_F(Register, AnInterruptIsUndone) {
  gitlab.add_runner(util::Secret{ui_token});
  const auto interrupt = [](Child& child) {
    child.type("\n");
    EXPECT_TRUE(child.wait_for_error("Enter a name for the runner."));
    child.signal(SIGINT);
    EXPECT_TRUE(child.wait_for_error("FATAL: "));
  };
  const auto outcome =
      converse({"register", "-c", config, "-u", url(), "--token", ui_token}, interrupt);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("FATAL: RECEIVED SIGNAL: interrupt"),
                                 HasSubstr("Unregistering runner manager from GitLab succeeded")));
  EXPECT_EQ(file(), "");
}

TEST_F(Register, ABrokenFileStopsItFirst) {
  write_file("concurrent = \n");
  const auto outcome = run(register_line({"-r", legacy_token}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("PANIC: " + config + ":1:"));
  EXPECT_EQ(gitlab.calls().size(), 0u);
}

}  // namespace
}  // namespace slipway::cmd
