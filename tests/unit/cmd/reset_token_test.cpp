#include <nlohmann/json.hpp>

#include "command_test.hpp"

namespace slipway::cmd {
namespace {

using local::Endpoint;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ResetToken : public CommandTest {
 protected:
  ResetToken() {
    gitlab.add_runner(util::Secret{"glrt-first-0123456789"});
    gitlab.add_runner(util::Secret{"glrt-second-0123456789"});
    write_file("# mine\n" + block("first", 7, "glrt-first-0123456789") +
               block("second", 0, "glrt-second-0123456789"));
  }
  std::string block(const std::string& name, int id, const std::string& token) const {
    return "[[runners]]\n  name = \"" + name + "\"\n  url = \"" + url() +
           "\"\n  id = " + std::to_string(id) + "\n  token = \"" + token +
           "\"\n  executor = \"docker\"\n  [runners.docker]\n    image = \"alpine\"\n";
  }
};

TEST_F(ResetToken, StoresTheNewOne) {
  const auto outcome = run({"reset-token", "-c", config, "--name", "first"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Resetting runner authentication token... succeeded"),
                                 HasSubstr("Updated " + config)));
  const auto& token = gitlab.runners()[0].token.reveal();
  EXPECT_NE(token, "glrt-first-0123456789");
  EXPECT_THAT(file(), AllOf(HasSubstr("# mine\n"), HasSubstr("  token = \"" + token + "\"\n"),
                            HasSubstr("  token_obtained_at = 20"),
                            HasSubstr("  token_expires_at = 0001-01-01T00:00:00Z\n"),
                            HasSubstr("\"glrt-second-0123456789\"")));
  EXPECT_THAT(outcome.err, Not(HasSubstr(token)));
  EXPECT_EQ(run({"verify", "-c", config}).exit_code, 0);
}

TEST_F(ResetToken, ByUrlAndIdOrAll) {
  EXPECT_EQ(run({"reset-token", "-c", config, "-u", url(), "-i", "7"}).exit_code, 0);
  EXPECT_THAT(file(), Not(HasSubstr("glrt-first-0123456789")));
  EXPECT_THAT(file(), HasSubstr("glrt-second-0123456789"));
  EXPECT_EQ(run({"reset-token", "-c", config, "--all-runners"}).exit_code, 0);
  EXPECT_THAT(file(), Not(HasSubstr("glrt-second-0123456789")));
  EXPECT_EQ(gitlab.count(Endpoint::reset_token), 3u);
}

TEST_F(ResetToken, ThatFailsChangesNothing) {
  const auto before = file();
  const struct {
    std::vector<std::string> arguments;
    const char* want;
  } cases[] = {
      {{}, "name a runner with --name, or with --url and --id"},
      {{"-u", url()}, "name a runner with --name, or with --url and --id"},
      {{"-n", "nobody"}, "no runner with the name \"nobody\" in "},
      {{"-u", url(), "-i", "8"}, "and the id 8 in "},
      {{"-n", "second", "--pat", "glpat-secret"}, "which --pat needs"},
  };
  for (const auto& c : cases) {
    std::vector<std::string> line{"reset-token", "-c", config};
    line.insert(line.end(), c.arguments.begin(), c.arguments.end());
    const auto outcome = run(line);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(c.want), Not(HasSubstr("secret"))));
  }
  EXPECT_EQ(gitlab.count(Endpoint::reset_token), 0u);
  gitlab.faults().fail_next(Endpoint::reset_token, 403);
  const auto outcome = run({"reset-token", "-c", config, "-n", "first"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("Resetting runner authentication token... forbidden"),
                                 HasSubstr("FATAL: Failed to reset runner authentication token")));
  EXPECT_EQ(file(), before);
}

}  // namespace
}  // namespace slipway::cmd
