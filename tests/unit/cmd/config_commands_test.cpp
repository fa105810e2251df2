#include <nlohmann/json.hpp>

#include "command_test.hpp"

namespace slipway::cmd {
namespace {

using local::Endpoint;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Two runners that the coordinator knows and one that it does not.
class ConfigCommands : public CommandTest {
 protected:
  ConfigCommands() {
    gitlab.add_runner(util::Secret{"glrt-first-0123456789"});
    gitlab.add_runner(util::Secret{"glrtr-second-0123456789"});
    write_file("concurrent = 1 # one\n\n" + block("first", "glrt-first-0123456789") + "\n" +
               block("second", "glrtr-second-0123456789") + "\n" +
               block("gone", "glrt-gone-0123456789"));
  }
  std::string block(const std::string& name, const std::string& token) const {
    return "[[runners]]\n  name = \"" + name + "\"\n  url = \"" + url() + "\"\n  token = \"" +
           token + "\"\n  executor = \"docker\"\n  [runners.docker]\n    image = \"alpine\"\n";
  }
  bool has(const std::string& name) const {
    return file().find("name = \"" + name + "\"") != std::string::npos;
  }
};

TEST_F(ConfigCommands, ListShortensTokens) {
  const auto outcome = run({"list", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("Listing configured runners"), HasSubstr("ConfigFile=" + config),
                    HasSubstr("Executor=docker Token=first-012 URL=" + url()),
                    Not(HasSubstr("0123456789"))));
  EXPECT_THAT(run({"list", "-c", config, "--show-tokens"}).err,
              HasSubstr("Token=glrtr-second-0123456789"));
}

TEST_F(ConfigCommands, ListSpeaksJson) {
  const auto outcome = run({"list", "-c", config, "--json"});
  const auto list = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0]["name"], "first");
  EXPECT_EQ(list[0]["token"], "first-012");
  EXPECT_EQ(list[2]["executor"], "docker");
}

TEST_F(ConfigCommands, ListForgivesABrokenFile) {
  write_file("[[runners]\n");
  auto outcome = run({"list", "-c", config});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("WARNING: " + config + ":1:"));
  EXPECT_EQ(run({"list", "-c", config, "--strict"}).exit_code, 1);
}

TEST_F(ConfigCommands, VerifyReportsAndLeavesTheFile) {
  const auto before = file();
  auto outcome = run({"verify", "-c", config});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Verifying runner... is valid"), HasSubstr("is alive"),
                                 HasSubstr("ERROR: Verifying runner... is not valid"),
                                 HasSubstr("FATAL: Failed to verify runners")));
  EXPECT_EQ(file(), before);
  EXPECT_EQ(run({"verify", "-c", config, "-n", "second"}).exit_code, 0);
  EXPECT_EQ(run({"verify", "-c", config, "-t", "glrt-first-0123456789", "-u", "*"}).exit_code, 0);
  outcome = run({"verify", "-c", config, "-n", "nobody"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no runner matches the filtering parameters"));
}

TEST_F(ConfigCommands, VerifyDeletesWhatIsGoneAndNothingElse) {
  gitlab.faults().fail_next(Endpoint::verify_runner, 404);
  const auto outcome = run({"verify", "-c", config, "--delete"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ERROR: Verifying runner... failed"),
                                 HasSubstr("Updated " + config)));
  EXPECT_TRUE(has("first"));
  EXPECT_TRUE(has("second"));
  EXPECT_FALSE(has("gone"));
  EXPECT_THAT(file(), testing::StartsWith("concurrent = 1 # one\n"));
}

TEST_F(ConfigCommands, VerifyIsStrictOnlyOnDemand) {
  gitlab.faults().fail_next(Endpoint::verify_runner, 404, 2);
  EXPECT_EQ(run({"verify", "-c", config, "-n", "first"}).exit_code, 0);
  EXPECT_EQ(run({"verify", "-c", config, "-n", "first", "--strict"}).exit_code, 1);
}

TEST_F(ConfigCommands, UnregisterByName) {
  ASSERT_EQ(run({"verify", "-c", config, "-n", "first"}).exit_code, 0);
  const auto outcome = run({"unregister", "-c", config, "--name", "first"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Unregistering runner manager from GitLab succeeded"),
                                 HasSubstr("Updated " + config)));
  EXPECT_FALSE(has("first"));
  EXPECT_TRUE(has("second"));
  EXPECT_EQ(gitlab.count(Endpoint::unregister_manager), 1u);
}

TEST_F(ConfigCommands, UnregisterByToken) {
  const auto outcome = run({"unregister", "-c", config, "-t", "glrtr-second-0123456789"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Unregistering runner from GitLab succeeded"));
  EXPECT_TRUE(gitlab.runners()[1].removed);
  EXPECT_FALSE(has("second"));
}

TEST_F(ConfigCommands, UnregisterThatFailsChangesNothing) {
  const auto before = file();
  const struct {
    std::vector<std::string> arguments;
    const char* want;
  } cases[] = {
      {{"-n", "gone"}, "Unregistering runner manager from GitLab forbidden"},
      {{"-n", "first", "-t", "glrt-other"}, "no runner with this name and token in"},
      {{"-n", "nobody"}, "no runner with the name \"nobody\" in"},
      {{}, "FATAL: at least one of --name or --token must be specified (CI_SERVER_TOKEN"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    std::vector<std::string> line{"unregister", "-c", config};
    line.insert(line.end(), c.arguments.begin(), c.arguments.end());
    const auto outcome = run(line, "", {{"CI_SERVER_TOKEN", "glrt-first-0123456789"}});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(c.want));
    EXPECT_EQ(file(), before);
  }
}

TEST_F(ConfigCommands, UnregisterAllKeepsThoseThatFailed) {
  ASSERT_EQ(run({"verify", "-c", config, "-n", "first"}).exit_code, 0);
  const auto outcome = run({"unregister", "-c", config, "--all-runners"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("ERROR: Failed to unregister runners"));
  EXPECT_FALSE(has("first"));
  EXPECT_FALSE(has("second"));
  EXPECT_TRUE(has("gone"));
  EXPECT_EQ(run({"unregister", "-c", config, "--all-runners", "--strict"}).exit_code, 1);
}

}  // namespace
}  // namespace slipway::cmd
