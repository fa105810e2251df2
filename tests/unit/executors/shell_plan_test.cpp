#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "config/load.hpp"
#include "executors/shell/plan.hpp"
#include "job/failure.hpp"
#include "plan_support.hpp"

namespace slipway::executors::shell {
namespace {

using docker::job_of;
using docker::json;
using docker::payload;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::Runner runner_of(const std::string& toml = "") {
  const config::Environment nothing = [](const std::string&) { return std::nullopt; };
  return config::parse(
             "[[runners]]\nname = \"r\"\nurl = \"http://gitlab.example.com\"\n"
             "token = \"glrt-t1_theTokenIsLong\"\nexecutor = \"shell\"\n" +
                 toml + "\n",
             "config.toml", nothing)
      .runners.at(0);
}

PlanContext context() {
  PlanContext context;
  context.version = "1.2.3";
  context.revision = "abcdef12";
  context.slot = 3;
  context.project_slot = 2;
  context.working_dir = "/srv/r";
  context.hostname = "box";
  return context;
}

json variable(const char* key, const char* value, bool file = false) {
  return {{"key", key}, {"value", value}, {"public", true}, {"file", file}};
}

Plan plan_of(const json& changes = {}, const std::string& toml = "",
             const PlanContext& with = context()) {
  return make_plan(job_of(payload(changes.is_null() ? json::object() : changes)), runner_of(toml),
                   with);
}

std::string refusal(const json& changes, const std::string& toml = "") {
  try {
    plan_of(changes, toml);
  } catch (const job::Failure& failure) {
    EXPECT_EQ(failure.reason(), job::FailureReason::runner_configuration_error);
    return failure.what();
  }
  return "(none)";
}

TEST(ShellPlan, DirectoriesLieBelowTheWorkingDirectory) {
  const auto environment = plan_of().environment;
  EXPECT_EQ(environment.builds_dir, "/srv/r/builds");
  EXPECT_EQ(environment.project_dir, "/srv/r/builds/theTokenI/2/group/app");
  EXPECT_EQ(environment.temp_dir, "/srv/r/builds/theTokenI/2/group/app.tmp");
  EXPECT_EQ(environment.cache_dir, "/srv/r/cache/group/app");
  EXPECT_TRUE(environment.shared);
  EXPECT_TRUE(environment.on_host);
  EXPECT_EQ(environment.hostname, "box");
}

TEST(ShellPlan, ConfiguredDirectoriesAreUsedAsGiven) {
  const auto environment =
      plan_of({}, "builds_dir = \"/data/b/\"\ncache_dir = \"/data/c\"").environment;
  EXPECT_EQ(environment.project_dir, "/data/b/theTokenI/2/group/app");
  EXPECT_EQ(environment.cache_dir, "/data/c/group/app");
  const auto relative = plan_of({}, "builds_dir = \"b\"\ncache_dir = \"$PWD/c\"").environment;
  EXPECT_EQ(relative.builds_dir, "/srv/r/b");
  EXPECT_EQ(relative.cache_dir, "/srv/r/c/group/app");
  EXPECT_THAT(refusal(json::object(), "builds_dir = \"/\""), HasSubstr("builds_dir"));
}

TEST(ShellPlan, SlotsHaveDirectoriesOfTheirOwnAndShareTheCache) {
  auto other = context();
  other.project_slot = 0;
  const auto a = plan_of().environment;
  const auto b = plan_of({}, "", other).environment;
  EXPECT_NE(a.project_dir, b.project_dir);
  EXPECT_NE(a.temp_dir, b.temp_dir);
  EXPECT_EQ(a.cache_dir, b.cache_dir);
}

TEST(ShellPlan, Case39StrategyEmptyHasADirectoryOfItsOwn) {
  const auto plan = plan_of({{"+variables", {variable("GIT_STRATEGY", "empty")}}});
  EXPECT_EQ(plan.environment.project_dir, "/srv/r/builds/theTokenI/2/group/app-empty");
  EXPECT_EQ(plan.environment.cache_dir, "/srv/r/cache/group/app-empty");
}

TEST(ShellPlan, Case43AnOddRepositoryUrlGivesTheProjectsNumber) {
  for (const auto* url : {"/group/app.git", "http://h/a/../b.git", ""})
    EXPECT_EQ(plan_of({{"git_info", {{"repo_url", url}, {"ref", "main"}, {"sha", "1ecfd275"}}}})
                  .environment.project_dir,
              "/srv/r/builds/theTokenI/2/project-1234")
        << url;
}

TEST(ShellPlan, Case44AClonePathMustBeAllowedAndWithinTheBuildsDirectory) {
  const json within{{"+variables", {variable("GIT_CLONE_PATH", "$CI_BUILDS_DIR/mine")}}};
  const json outside{{"+variables", {variable("GIT_CLONE_PATH", "$CI_BUILDS_DIR/../x")}}};
  const std::string enabled = "[runners.custom_build_dir]\nenabled = true";
  EXPECT_THAT(refusal(within), HasSubstr("enable `custom_build_dir` feature"));
  EXPECT_EQ(plan_of(within, enabled).environment.project_dir, "/srv/r/builds/mine");
  EXPECT_EQ(refusal(outside, enabled),
            "the GIT_CLONE_PATH=\"/srv/r/x\" has to be within \"/srv/r/builds\"");
}

TEST(ShellPlan, JobsSeeASharedEnvironment) {
  const auto variables = plan_of().environment.variables;
  EXPECT_EQ(variables.get("CI_SHARED_ENVIRONMENT"), "true");
  EXPECT_FALSE(variables.find("CI_DISPOSABLE_ENVIRONMENT"));
  EXPECT_EQ(variables.get("CI_CONCURRENT_ID"), "3");
  EXPECT_EQ(variables.get("CI_CONCURRENT_PROJECT_ID"), "2");
  EXPECT_EQ(variables.get("CI_BUILDS_DIR"), "/srv/r/builds");
  EXPECT_EQ(variables.get("RUNNER_TEMP_PROJECT_DIR"), "/srv/r/builds/theTokenI/2/group/app.tmp");
}

TEST(ShellPlan, Case21TheRunnersLastWordCannotBeTaken) {
  const auto plan = plan_of(
      {{"+variables",
        {variable("CI_SHARED_ENVIRONMENT", "no"), variable("RUNNER_TEMP_PROJECT_DIR", "/tmp"),
         variable("CI_PROJECT_DIR", "/elsewhere")}}});
  const auto& variables = plan.environment.variables;
  EXPECT_EQ(variables.get("CI_SHARED_ENVIRONMENT"), "true");
  EXPECT_EQ(variables.get("RUNNER_TEMP_PROJECT_DIR"), plan.environment.temp_dir);
  EXPECT_EQ(variables.get("CI_PROJECT_DIR"), "/elsewhere");
  EXPECT_EQ(plan.environment.project_dir, "/srv/r/builds/theTokenI/2/group/app");
}

TEST(ShellPlan, TheShellIsBashUnlessConfigured) {
  EXPECT_EQ(plan_of().shell, "bash");
  EXPECT_FALSE(plan_of().shell_chosen);
  EXPECT_EQ(plan_of({}, "shell = \"sh\"").shell, "sh");
  EXPECT_TRUE(plan_of({}, "shell = \"sh\"").shell_chosen);
  EXPECT_THAT(refusal(json::object(), "shell = \"pwsh\""), HasSubstr("\"pwsh\""));
}

TEST(ShellPlan, ServicesAreNotThereAndSaidToBe) {
  EXPECT_THAT(plan_of().warnings, IsEmpty());
  const auto plan = plan_of({{"services", {{{"name", "redis:7"}}, {{"name", "docker:dind"}}}}});
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_THAT(plan.warnings[0], HasSubstr("redis:7, docker:dind"));
}

TEST(ShellPlan, TheFilesToRemoveAreTheFileVariables) {
  const auto plan =
      plan_of({{"+variables", {variable("KEY", "secret", true), variable("PLAIN", "x")}}});
  EXPECT_THAT(plan.file_variables, ElementsAre("KEY"));
  const auto parameters = json::parse(cleanup_parameters(plan));
  EXPECT_EQ(parameters.at("file_variables"), json{"KEY"});
  EXPECT_EQ(parameters.at("temp_dir"), plan.environment.temp_dir);
  EXPECT_EQ(parameters.at("git_cleanup"), false);
  EXPECT_THAT(parameters.dump(), ::testing::Not(HasSubstr("secret")));
}

TEST(ShellPlan, EndsAreToldAsGoTellsThem) {
  EXPECT_EQ(exit_text(3, 0), "exit status 3");
  EXPECT_EQ(exit_text(137, 9), "signal: killed");
  EXPECT_EQ(exit_text(143, 15), "signal: terminated");
  EXPECT_EQ(exit_text(139, 11), "signal: segmentation fault");
  EXPECT_EQ(exit_text(164, 36), "signal: signal 36");
}

}  // namespace
}  // namespace slipway::executors::shell
