#include <chrono>
#include <nlohmann/json.hpp>

#include "command_test.hpp"
#include "tests/fakes/test_paths.hpp"

namespace slipway::cmd {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Program : public CommandTest {};

TEST_F(Program, PrintsItsVersionInSixLines) {
  for (const auto* flag : {"--version", "-v", "-version"}) {
    const auto outcome = run({flag});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out,
                testing::StartsWith("Version:      " SLIPWAY_VERSION "\nGit revision: "));
    EXPECT_EQ(occurrences(outcome.out, "\n"), 6u);
    EXPECT_EQ(outcome.err, "");
  }
  EXPECT_THAT(run({"--debug", "--version"}).out, testing::StartsWith("Version: "));
}

TEST_F(Program, HelpGoesToStandardOutput) {
  for (const auto& line :
       std::vector<std::vector<std::string>>{{}, {"--help"}, {"-h"}, {"help"}, {"h"}}) {
    const auto outcome = run(line);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr("slipway [global options] command"), HasSubstr("   register "),
                      HasSubstr("   run-single "), HasSubstr("[$LOG_LEVEL]")));
  }
}

TEST_F(Program, EveryCommandHasHelp) {
  for (const auto* command : {"register", "run", "run-single", "list", "verify", "unregister"}) {
    SCOPED_TRACE(command);
    const auto outcome = run({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr(std::string{"slipway "} + command + " [command options]"),
                      HasSubstr("-c value, --config value"), HasSubstr("[$CONFIG_FILE]")));
    EXPECT_EQ(run({"help", command}).out, outcome.out);
  }
  const auto outcome = run({"register", "-h"});
  for (const auto* text : {"--docker-services_privileged ", "[$DOCKER_TLS_VERIFY]", "--env value",
                           "[$CI_SERVER_TLS_CA_FILE]", "--name value, --description value"})
    EXPECT_THAT(outcome.out, HasSubstr(text));
}

TEST_F(Program, NamesAnUnknownFlag) {
  const struct {
    std::vector<std::string> arguments;
    const char* want;
    const char* help;
  } cases[] = {
      {{"list", "--docker-image", "x"},
       "flag provided but not defined: -docker-image",
       "slipway list"},
      {{"list", "--debug"}, "flag provided but not defined: -debug", "slipway list"},
      {{"--nothing"}, "flag provided but not defined: -nothing", "GLOBAL OPTIONS:"},
      {{"register", "--limit", "x", "-n"},
       "invalid value \"x\" for -limit: expected a decimal number",
       "slipway register"},
      {{"run", "now"}, "unexpected argument \"now\"", "slipway run"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    const auto outcome = run(c.arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.out,
                testing::StartsWith(std::string{"Incorrect Usage: "} + c.want + "\n\n"));
    EXPECT_THAT(outcome.out, HasSubstr(c.help));
    EXPECT_THAT(outcome.err, HasSubstr(std::string{"FATAL: "} + c.want));
  }
}

TEST_F(Program, NamesAnUnknownCommand) {
  for (const auto& line : std::vector<std::vector<std::string>>{{"foo"}, {"help", "foo"}}) {
    const auto outcome = run(line);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("FATAL: Command foo not found."));
  }
}

TEST_F(Program, LogsInTheFormatAskedFor) {
  auto outcome = run({"--log-format", "json", "list", "-c", config});
  const auto first = nlohmann::json::parse(outcome.err.substr(0, outcome.err.find('\n')));
  EXPECT_EQ(first["msg"], "Runtime platform");
  EXPECT_EQ(first["os"], "linux");
  EXPECT_EQ(first["version"], SLIPWAY_VERSION);
  outcome = run({"list", "-c", config}, "", {{"LOG_FORMAT", "text"}});
  EXPECT_THAT(outcome.err, HasSubstr("level=info msg=\"Runtime platform\" arch="));
  outcome = run({"--log-format", "runner", "list", "-c", config}, "", {{"LOG_FORMAT", "text"}});
  EXPECT_THAT(outcome.err, testing::StartsWith("Runtime platform  "));
  outcome = run({"--log-color", "always", "list", "-c", config});
  EXPECT_THAT(outcome.err, HasSubstr("\033[0;m"));
  outcome = run({"--log-format", "xml", "list"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FATAL: unknown log format \"xml\""));
}

TEST_F(Program, TheFilesLogSettingsGiveWayToTheCommandLine) {
  write_file("log_level = \"error\"\nlog_format = \"json\"\n");
  auto outcome = run({"list", "-c", config});
  EXPECT_THAT(outcome.err, Not(HasSubstr("Listing")));
  outcome = run({"--log-level", "info", "list", "-c", config});
  EXPECT_THAT(outcome.err, HasSubstr("\"msg\":\"Listing configured runners\""));
  outcome = run({"--log-level", "loud", "list", "-c", config});
  EXPECT_THAT(outcome.err, HasSubstr("unknown log level \"loud\""));
}

TEST_F(Program, ItsNameDecidesItsPaths) {
  const auto link = (directory / "gitlab-runner").string();
  std::filesystem::create_symlink(fakes::slipway_program, link);
  EXPECT_THAT(run({"list", "-h"}, "", {}, link).out,
              AllOf(HasSubstr("gitlab-runner/config.toml\")"), HasSubstr("gitlab-runner list")));
  EXPECT_THAT(run({"list", "-h"}).out, HasSubstr("slipway/config.toml\")"));
}

TEST_F(Program, BecomesTheHelperForItsCommands) {
  const auto program = (directory / "slipway").string();
  std::filesystem::copy_file(fakes::slipway_program, program);
  auto outcome = run({"cache-init", "/x"}, "", {}, program);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot run " + (directory / "slipway-helper").string()));
  std::filesystem::create_symlink("/bin/echo", directory / "slipway-helper");
  outcome = run({"cache-init", "-x", "/x"}, "", {}, program);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "cache-init -x /x\n");
}

TEST_F(Program, RunSingleSaysWhatIsMissing) {
  const struct {
    std::vector<std::string> arguments;
    const char* want;
  } cases[] = {
      {{}, "FATAL: Missing URL"},
      {{"-u", "http://x"}, "FATAL: Missing Token"},
      {{"-u", "http://x", "-t", "y"}, "FATAL: Missing Executor"},
      {{"-u", "http://x", "-t", "y", "--executor", "z"}, "FATAL: Unknown executor: z"},
      {{"-u", "http://x", "-t", "y", "--executor", "ssh"},
       "FATAL: executor \"ssh\" is not supported"},
      {{"-r", "nobody"}, "FATAL: no runner with the name \"nobody\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    std::vector<std::string> line{"run-single", "-c", config};
    line.insert(line.end(), c.arguments.begin(), c.arguments.end());
    const auto outcome = run(line);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(c.want));
  }
}

}  // namespace
}  // namespace slipway::cmd
