// lint, install and its kin, drain, completion and manual pages, what register learnt.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cmd/slipway/unit_file.hpp"
#include "command_test.hpp"
#include "tests/fakes/certificates.hpp"

namespace slipway::cmd {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto ui_token = "glrt-0123456789abcdef";

class ServiceCommands : public CommandTest {
 protected:
  std::string text_of(const std::filesystem::path& path) const {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
  }
  /// In place of systemd, which unit tests cannot have: notes what it is told.
  Environment with_systemctl(int exit_code = 0) const {
    const auto bin = directory / "bin";
    std::filesystem::create_directories(bin);
    std::ofstream{bin / "systemctl"} << "#!/bin/sh\necho \"$*\" >>'" << calls().string()
                                     << "'\nexit " << exit_code << "\n";
    ::chmod((bin / "systemctl").c_str(), 0755);
    return {{"PATH", bin.string() + ":/usr/bin:/bin"}};
  }
  std::filesystem::path calls() const { return directory / "calls"; }
  std::filesystem::path unit() const { return directory / ".config/systemd/user/slipway.service"; }
  std::string runner_block(const std::string& more = "") const {
    return "[[runners]]\nname = \"r\"\nurl = \"" + url() + "\"\ntoken = \"" + ui_token +
           "\"\nexecutor = \"docker\"\n[runners.docker]\nimage = \"alpine\"\n" + more;
  }
};

TEST_F(ServiceCommands, LintSaysValidOrNot) {
  auto outcome = run({"lint", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: config file not found: " + config));
  EXPECT_FALSE(std::filesystem::exists(directory / ".runner_system_id")) << "changes nothing";
  write_file(runner_block());
  outcome = run({"lint", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Configuration file is valid."));
  write_file(runner_block("buids_dir = \"/b\"\npull_policy = \"sometimes\"\n"));
  outcome = run({"lint", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("ERROR: 1 unknown key(s) found in " + config + ":"),
                    HasSubstr("  unknown key: runners.docker.buids_dir (line 8)"),
                    HasSubstr(":9: key \"runners.docker.pull_policy\""),
                    HasSubstr("FATAL: Configuration file is not valid: 2 problem(s)")));
  const auto list = nlohmann::json::parse(run({"lint", "-c", config, "--json"}).out);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["kind"], "unknown_key");
  EXPECT_EQ(list[1]["line"], 9);
}

TEST_F(ServiceCommands, LintPrintsASchemaOfEveryKey) {
  const auto outcome = run({"lint", "--print-schema"});
  EXPECT_EQ(outcome.exit_code, 0);
  const auto schema = nlohmann::json::parse(outcome.out);
  const auto& top = schema["properties"];
  EXPECT_EQ(top["concurrent"]["type"], "integer");
  const auto& runner = top["runners"]["items"]["properties"];
  EXPECT_EQ(runner["executor"]["enum"][2], "docker");
  const auto& docker = runner["docker"]["properties"];
  EXPECT_EQ(docker["pull_policy"]["anyOf"][1]["items"]["enum"].size(), 4u);
  EXPECT_EQ(docker["tmpfs"]["additionalProperties"]["type"], "string");
  EXPECT_EQ(docker["services"]["items"]["properties"]["command"]["type"], "array");
  EXPECT_EQ(docker["dind"]["properties"]["layer_cache"]["enum"][2], "slot");
}

TEST_F(ServiceCommands, ThePackagedUnitIsTheHardenedOne) {
  UnitOptions options;
  options.hardened = true;
  const auto path =
      std::filesystem::path{fakes::test_data_dir} / "../../../packaging/slipway.service";
  EXPECT_EQ(text_of(path), unit_text(options));
}

TEST(UnitText, SaysWhatItIsTold) {
  UnitOptions options;
  options.name = "gitlab-runner";
  options.program = "/usr/bin/gitlab-runner";
  options.config_file = "/etc/a b/100%.toml";
  options.user = "ci";
  options.init_user = "daemon";
  const auto text = unit_text(options);
  EXPECT_THAT(text, AllOf(HasSubstr("Type=notify\n"), HasSubstr("WatchdogSec=90\n"),
                          HasSubstr("KillSignal=SIGQUIT\nKillMode=mixed\nTimeoutStopSec=7200\n"),
                          HasSubstr("ExecReload=/bin/kill -HUP $MAINPID\n"),
                          HasSubstr("ExecStart=/usr/bin/gitlab-runner \"run\" \"--config\" "
                                    "\"/etc/a b/100%%.toml\" "),
                          HasSubstr("\"--service\" \"gitlab-runner\" \"--user\" \"ci\"\n"),
                          HasSubstr("User=daemon\n"),
                          HasSubstr("EnvironmentFile=-/etc/default/gitlab-runner\n")));
  EXPECT_THAT(text, Not(HasSubstr("ProtectSystem")));
  options.user_service = true;
  EXPECT_THAT(unit_text(options),
              AllOf(HasSubstr("WantedBy=default.target"), Not(HasSubstr("StateDirectory"))));
}

TEST_F(ServiceCommands, InstallWritesAUnitOnceAndUninstallRemovesIt) {
  const auto environment = with_systemctl();
  const std::vector<std::string> line{"install", "--user-service",  "-c", config,
                                      "-d",      directory.string()};
  auto outcome = run(line, "", environment);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(text_of(unit()), HasSubstr("\"--config\" \"" + config + "\""));
  EXPECT_THAT(file(), StartsWith("concurrent = 1\n"));
  EXPECT_EQ(text_of(calls()), "--user daemon-reload\n--user enable slipway.service\n");
  outcome = run(line, "", environment);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: Init already exists: " + unit().string()));
  outcome = run({"uninstall", "--user-service"}, "", environment);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(unit()));
  outcome = run({"uninstall", "--user-service"}, "", environment);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the service is not installed"));
}

TEST_F(ServiceCommands, InstallWantsAUserAndANameThatIsOne) {
  const struct {
    std::vector<std::string> line;
    const char* want;
  } cases[] = {
      {{"install"}, "FATAL: Please specify user that will run slipway service"},
      {{"install", "-u", "root", "-i", "root"}, "Only one of --user and --init-user may be given"},
      {{"install", "-u", "nobody-of-that-name"}, "there is no user \"nobody-of-that-name\""},
      {{"install", "-n", "../x", "-u", "root"}, "\"../x\" is no name of a service"},
  };
  if (::geteuid() == 0)
    for (const auto& c : cases) {
      auto line = c.line;
      line.push_back("--print");
      const auto outcome = run(line);
      EXPECT_EQ(outcome.exit_code, 1);
      EXPECT_THAT(outcome.err, HasSubstr(c.want));
    }
  const auto outcome = run({"install", "--user-service", "--print", "--harden", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("ProtectSystem=strict"));
  EXPECT_EQ(file(), "");
}

TEST_F(ServiceCommands, TheVerbsAreSystemctls) {
  const auto environment = with_systemctl();
  for (const auto* verb : {"start", "stop", "restart"})
    EXPECT_EQ(run({verb, "-n", "ci"}, "", environment).exit_code, 0);
  EXPECT_EQ(text_of(calls()), "start ci.service\nstop ci.service\nrestart ci.service\n");
  auto outcome = run({"start"}, "", with_systemctl(5));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: `systemctl start slipway.service` failed"));
  outcome = run({"start"}, "", {{"PATH", directory.string()}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: No service system detected"));
}

TEST_F(ServiceCommands, DrainOfNobodyIsDone) {
  write_file("concurrent = 1\n");
  const auto outcome = run({"drain", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("No daemon runs with the state directory"));
}

TEST_F(ServiceCommands, DrainSignalsOnlyTheProcessThatHoldsTheLock) {
  write_file("concurrent = 1\n");
  const auto state = directory / "state";
  std::filesystem::create_directories(state);
  const int lock = ::open((state / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  std::ofstream{state / "status.json"} << R"({"format": 1, "pid": 1, "version": "0", "started": 1,
      "state": "running", "jobs": [], "undelivered": [],
      "reaper": {"pending": 0, "failures": 0, "objects": []}})";
  const auto outcome = run({"drain", "-c", config});
  ::close(lock);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: cannot tell which process serves"));
}

TEST_F(ServiceCommands, RunEndsOnDrainAndRefusesASecondDaemon) {
  gitlab.add_runner(util::Secret{ui_token});
  write_file("check_interval = 1\n" + runner_block("host = \"unix:///nonexistent.sock\"\n"));
  // Installed as it is, but for the helper, which only jobs need.
  const auto program = (directory / "slipway").string();
  std::filesystem::copy_file(fakes::slipway_program, program);
  std::filesystem::create_symlink("/bin/true", directory / "slipway-helper");
  const auto talk = [&](Child& child) {
    ASSERT_TRUE(child.wait_for_error("Starting multi-runner from")) << child.err;
    const Environment own{{"HOME", directory.string()}, {"PATH", "/usr/bin:/bin"}};
    Child second{program, {"run", "-c", config}, own};
    EXPECT_EQ(second.finish(), 1);
    EXPECT_THAT(second.err, HasSubstr("another slipway serves this file"));
    child.signal(SIGHUP);
    EXPECT_TRUE(child.wait_for_error("Configuration loaded"));
    child.signal(SIGUSR1);
    EXPECT_TRUE(child.wait_for_error("state=running"));
    Child drain{program, {"drain", "-c", config}, own};
    EXPECT_EQ(drain.finish(), 0) << drain.err;
    EXPECT_THAT(drain.err, HasSubstr("The daemon has ended"));
  };
  const auto outcome = converse({"run", "-c", config}, talk, {}, program);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(ServiceCommands, CompletionKnowsEveryCommandAndFlag) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    SCOPED_TRACE(shell);
    const auto outcome = run({"completion", shell});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const auto* word : {"register", "run-single", "drain", "docker-image", "wait-timeout"})
      EXPECT_THAT(outcome.out, HasSubstr(word));
  }
  const auto script = directory / "completion.bash";
  std::ofstream{script} << run({"completion", "bash"}).out
                        << "COMP_WORDS=(slipway register --docker-im); COMP_CWORD=2; _slipway\n"
                           "echo ${COMPREPLY[@]}\n";
  std::ofstream{directory / "want"} << "--docker-image\n";
  const auto command = "bash " + script.string() + " | cmp - " + (directory / "want").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
  const auto outcome = run({"completion", "csh"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("completion for \"csh\" is not known: bash, zsh, fish"));
}

TEST_F(ServiceCommands, ManualPagesAreMadeOfTheSameFlags) {
  auto outcome = run({"man"});
  EXPECT_THAT(outcome.out, AllOf(StartsWith(".TH SLIPWAY 1 "), HasSubstr(".B run\\-single\n"),
                                 HasSubstr("\\fB\\-\\-log\\-format\\fR \\fIvalue\\fR")));
  outcome = run({"man", "register"});
  EXPECT_THAT(outcome.out, AllOf(StartsWith(".TH SLIPWAY-REGISTER 1 "),
                                 HasSubstr("\\fB\\-\\-docker\\-image\\fR \\fIvalue\\fR"),
                                 HasSubstr("[$DOCKER_IMAGE]")));
  EXPECT_EQ(run({"man", "nothing"}).exit_code, 1);
}

TEST_F(ServiceCommands, RegisterAgainUpdatesTheEntryInPlace) {
  gitlab.add_runner(util::Secret{ui_token});
  write_file("concurrent = 1 # mine\n\n" + runner_block("unknown_key = 1 # stays\n"));
  auto outcome = run(register_line({"--token", ui_token, "--limit", "5"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("is in the configuration already; its entry is updated"));
  EXPECT_THAT(file(),
              AllOf(HasSubstr("concurrent = 1 # mine"), HasSubstr("unknown_key = 1 # stays"),
                    HasSubstr("limit = 5"), HasSubstr("name = \"My Runner\"")));
  EXPECT_EQ(occurrences(file(), "[[runners]]"), 1u);
  const auto once = file();
  outcome = run(register_line({"--token", ui_token, "--limit", "5"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(file(), once);
}

TEST_F(ServiceCommands, AFailedUpdateDoesNotTakeTheRunnerBack) {
  gitlab.add_runner(util::Secret{ui_token});
  write_file("runners = [{name = \"r\", url = \"" + url() + "\", token = \"" + ui_token +
             "\", executor = \"docker\", docker.image = \"a\"}]\n");
  const auto before = file();
  run(register_line({"--token", ui_token, "--limit", "5"}));
  EXPECT_EQ(file(), before);
  EXPECT_FALSE(gitlab.runners().at(0).removed);
  EXPECT_EQ(gitlab.count(local::Endpoint::unregister_manager), 0u);
}

TEST_F(ServiceCommands, RegisterTakesATemplateConcurrentAndSettings) {
  gitlab.add_runner(util::Secret{ui_token});
  const auto path = (directory / "template.toml").string();
  std::ofstream{path} << "[[runners]]\n  limit = 3\n  [runners.docker]\n    privileged = true\n"
                         "    [[runners.docker.services]]\n      name = \"docker:dind\"\n"
                         "  [runners.kubernetes]\n    image = \"k\"\n";
  const auto outcome =
      run(register_line({"--token", ui_token, "--template-config", path, "--concurrent", "4",
                         "--set", "runners.docker.dind.layer_cache=\"slot\""}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("Merging configuration from template file \"" + path + "\""),
                    HasSubstr("the config should be automatically reloaded!")));
  EXPECT_THAT(file(), AllOf(StartsWith("concurrent = 4\n"), HasSubstr("  limit = 3\n"),
                            HasSubstr("    privileged = true\n"),
                            HasSubstr("    [[runners.docker.services]]\n"),
                            HasSubstr("[runners.docker.dind]\n      layer_cache = \"slot\"\n"),
                            Not(HasSubstr("kubernetes"))));
}

TEST_F(ServiceCommands, BadTemplatesAndSettingsEndBeforeTheFirstCall) {
  const struct {
    std::vector<std::string> more;
    const char* want;
  } cases[] = {
      {{"--template-config", "/nonexistent.toml"},
       "FATAL: Could not handle configuration merging from template file"},
      {{"--template-config", "/nonexistent.toml"}, "configuration template not found"},
      {{"--set", "limit=3"}, "invalid value \"limit=3\" for -set: expected runners.key=value"},
      {{"--set", "runners.docker.imgae=\"a\""},
       "unknown key \"runners.docker.imgae\" (did you mean \"image\"?)"},
      {{"--set", "runners.limit=\"a\""}, "key \"runners.limit\": expected an integer"},
      {{"--concurrent", "0"}, "--concurrent"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    std::vector<std::string> more{"--token", ui_token};
    more.insert(more.end(), c.more.begin(), c.more.end());
    const auto outcome = run(register_line(more));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(c.want));
  }
  EXPECT_EQ(gitlab.calls().size(), 0u);
  EXPECT_EQ(file(), "");
}

/// Complaint 4 of users: which of name, connection, TLS, HTTP or token it was.
TEST_F(ServiceCommands, AFailureSaysWhichStepItWas) {
  const auto verify = [&](const std::string& server) {
    write_file("[[runners]]\nname = \"r\"\nurl = \"" + server + "\"\ntoken = \"t\"\n");
    return run({"verify", "-c", config}).err;
  };
  EXPECT_THAT(verify("http://no-such-host.invalid/"), HasSubstr("no-such-host.invalid"));
  EXPECT_THAT(verify("http://127.0.0.1:1/"), HasSubstr("onnection refused"));
  auto https = url();
  https.replace(0, 4, "https");
  EXPECT_THAT(verify(https), HasSubstr("TLS"));
  EXPECT_THAT(verify(url()), HasSubstr("403 Forbidden"));
  gitlab.faults().fail_next(local::Endpoint::verify_runner, 404);
  EXPECT_THAT(verify(url()), HasSubstr("404"));
}

/// Complaint 5.
TEST_F(ServiceCommands, AnUntrustedCertificateSaysWhereCasAreLookedFor) {
  const tests::CertificateAuthority ca;
  const auto identity = ca.issue();
  net::Endpoint listener{net::Endpoint::Scheme::https, "127.0.0.1", 0, {}};
  listener.tls.certificate = identity.certificate;
  listener.tls.key = identity.key;
  const auto tls_port = gitlab.listen(listener);
  write_file("[[runners]]\nname = \"r\"\nurl = \"https://127.0.0.1:" + std::to_string(tls_port) +
             "/\"\ntoken = \"t\"\n");
  EXPECT_THAT(run({"verify", "-c", config}).err,
              AllOf(HasSubstr("certificate refused"), HasSubstr("--tls-ca-file"),
                    HasSubstr("<host>.crt in the directory certs")));
}

}  // namespace
}  // namespace slipway::cmd
