#include "runner/stages.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "job/attempts.hpp"
#include "stage_fixture.hpp"

namespace slipway::runner {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

TEST(Stages, NativeOnes) {
  Fixture f;
  f.environment.variables.add({.key = "F1", .value = "x", .file = true});
  const auto prepare = prepare_script_stage(f.input(), "host");
  EXPECT_EQ(prepare.name, "prepare_script");
  EXPECT_EQ(parameters(prepare), json({{"temp_dir", "/builds/group/app.tmp"}, {"via", "host"}}));
  const auto sources = get_sources_stage(f.input());
  EXPECT_EQ(sources.name, "get_sources");
  EXPECT_EQ(parameters(sources)["sha"], "abc");
  const auto clear = clear_worktree_stage(f.input());
  EXPECT_EQ(clear.name, "clear_worktree");
  EXPECT_EQ(parameters(clear)["project_dir"], "/builds/group/app");
  EXPECT_EQ(parameters(clear)["safe_directory"], true);
  EXPECT_EQ(parameters(clear)["variables"], parameters(sources)["variables"]);
  const auto cleanup = cleanup_stage(f.input());
  EXPECT_EQ(cleanup.name, "cleanup_file_variables");
  EXPECT_EQ(parameters(cleanup), json({{"temp_dir", "/builds/group/app.tmp"},
                                       {"project_dir", "/builds/group/app"},
                                       {"builds_dir", "/builds"},
                                       {"file_variables", {"F1"}},
                                       {"git_cleanup", true},
                                       {"clean_git_config", true},
                                       {"remote_url", "https://git.example.com/group/app.git"},
                                       {"clean_directory", false},
                                       {"strategy", "fetch"},
                                       {"clean_flags", {"-ffdx"}},
                                       {"submodule_strategy", "none"},
                                       {"safe_directory", true}}));
  for (const auto& stage : {prepare, sources, clear, cleanup}) {
    EXPECT_TRUE(stage.native);
    EXPECT_EQ(stage.place, executors::Stage::Place::predefined);
    EXPECT_EQ(stage.script, "");
  }
}

TEST(Stages, BytesThatAreNoTextDoNotBreakTheParameters) {
  Fixture f;
  f.job.git.ref = "\xff";
  f.set("X", "\xc3");
  EXPECT_EQ(parameters(get_sources_stage(f.input()))["ref"], "\xef\xbf\xbd");
}

TEST(Stages, StepsOfTheUser) {
  Fixture f;
  f.runner.pre_build_script = "echo before";
  f.runner.post_build_script = "echo after";
  const auto stages = user_stages(f.input());
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].name, "step_script");
  EXPECT_EQ(stages[1].name, "step_release");
  const auto& script = stages[0].script;
  EXPECT_LT(script.find("echo before"), script.find("echo one"));
  EXPECT_LT(script.find("echo one"), script.find("echo two"));
  EXPECT_LT(script.find("echo two"), script.find("echo after"));
  EXPECT_THAT(stages[1].script, HasSubstr("release-cli v1"));
  for (const auto& stage : stages) {
    EXPECT_FALSE(stage.native);
    EXPECT_EQ(stage.place, executors::Stage::Place::user);
    EXPECT_THAT(stage.script, HasSubstr("/builds/group/app"));
    EXPECT_THAT(stage.script, Not(HasSubstr("echo bye")));
  }
}

TEST(Stages, AfterScriptHasTheStatusAndNoFrame) {
  Fixture f;
  f.runner.pre_build_script = "echo before";
  f.runner.post_build_script = "echo after";
  auto input = f.input();
  input.job_status = "failed";
  const auto stage = after_script_stage(input);
  ASSERT_TRUE(stage);
  EXPECT_EQ(stage->name, "after_script");
  EXPECT_THAT(stage->script, HasSubstr("Running after script..."));
  EXPECT_THAT(stage->script, HasSubstr("echo bye"));
  EXPECT_THAT(stage->script, HasSubstr("CI_JOB_STATUS=failed"));
  EXPECT_THAT(stage->script, Not(HasSubstr("echo before")));
  EXPECT_THAT(stage->script, Not(HasSubstr("echo after\n")));
  // The other stages' variables stay as they were.
  EXPECT_EQ(f.environment.variables.get("CI_JOB_STATUS"), "running");
}

TEST(Stages, WithoutAfterScriptThereIsNone) {
  Fixture f;
  f.job.steps.pop_back();
  EXPECT_FALSE(after_script_stage(f.input()));
  f.job.steps.push_back({"after_script", {}});
  EXPECT_FALSE(after_script_stage(f.input()));
}

TEST(Stages, DebugTraceMayBeForbidden) {
  Fixture plain;
  Fixture debug;
  debug.set("CI_DEBUG_TRACE", "true");
  Fixture forbidden;
  forbidden.set("CI_DEBUG_TRACE", "true");
  forbidden.runner.debug_trace_disabled = true;
  const auto traces = [](const Fixture& f) {
    return user_stages(f.input())[0].script.find("set -x") != std::string::npos ||
           user_stages(f.input())[0].script.find("-o xtrace") != std::string::npos;
  };
  EXPECT_FALSE(traces(plain));
  EXPECT_TRUE(traces(debug));
  EXPECT_FALSE(traces(forbidden));
}

struct AttemptsCase {
  const char* text;
  int want;
  const char* warning;
};

TEST(Attempts, AreOneToTen) {
  const AttemptsCase cases[] = {
      {"", 1, ""},
      {"1", 1, ""},
      {"+3", 3, ""},
      {"10", 10, ""},
      {"0", 1, "number of attempts out of the range [1, 10], clamping to: 1"},
      {"-4", 1, "number of attempts out of the range [1, 10], clamping to: 1"},
      {"11", 10, "number of attempts out of the range [1, 10], clamping to: 10"},
      {"99999999999", 10, "number of attempts out of the range [1, 10], clamping to: 10"},
      {"three", 1, "expected int got \"three\", using default value: 1"},
      {"2x", 1, "expected int got \"2x\", using default value: 1"},
      {" 2", 1, "expected int got \" 2\", using default value: 1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    job::Variables variables;
    variables.add_internal("GET_SOURCES_ATTEMPTS", c.text);
    Words warnings;
    EXPECT_EQ(job::attempts(variables, "GET_SOURCES_ATTEMPTS", warnings), c.want);
    if (*c.warning == '\0')
      EXPECT_THAT(warnings, IsEmpty());
    else
      EXPECT_THAT(warnings, ElementsAre(std::string{"GET_SOURCES_ATTEMPTS: "} + c.warning));
  }
  Words warnings;
  EXPECT_EQ(job::attempts({}, "GET_SOURCES_ATTEMPTS", warnings), 1);
}

TEST(FeatureFlag, ConfigurationThenJobThenDefault) {
  config::Runner runner;
  job::Variables variables;
  EXPECT_TRUE(feature_flag(runner, variables, "FF_TIMESTAMPS"));
  EXPECT_FALSE(feature_flag(runner, variables, "FF_SCRIPT_SECTIONS"));
  variables.add_internal("FF_TIMESTAMPS", "false");
  EXPECT_FALSE(feature_flag(runner, variables, "FF_TIMESTAMPS"));
  runner.feature_flags["FF_TIMESTAMPS"] = true;
  EXPECT_TRUE(feature_flag(runner, variables, "FF_TIMESTAMPS"));
}

TEST(Artifacts, Case69OnesWithAFileAreDownloadedWithTheirOwnToken) {
  Fixture f;
  EXPECT_FALSE(download_artifacts_stage(f.input()));
  f.job.dependencies = {{.id = 11,
                         .token = util::Secret{"glcbt-64_other"},
                         .name = "build",
                         .filename = "a.zip",
                         .size = 1},
                        {.id = 12, .token = util::Secret{"t"}, .name = "none"}};
  f.runner.url = "https://gitlab.example.com";
  f.environment.variables.add(
      {.key = "CI_SERVER_TLS_CA_FILE", .value = "pem", .is_public = true, .file = true});
  const auto stage = download_artifacts_stage(f.input());
  ASSERT_TRUE(stage);
  EXPECT_EQ(stage->name, "download_artifacts");
  EXPECT_EQ(stage->place, executors::Stage::Place::predefined);
  const auto p = parameters(*stage);
  EXPECT_EQ(p["sources"], json::parse(R"([{"job":11,"token":"glcbt-64_other","name":"build"}])"));
  EXPECT_EQ(p["coordinator"]["url"], "https://gitlab.example.com");
  EXPECT_EQ(p["coordinator"]["ca"], "pem");
  EXPECT_EQ(p["project_dir"], "/builds/group/app");
  f.job.dependencies.erase(f.job.dependencies.begin());
  EXPECT_FALSE(download_artifacts_stage(f.input()));
}

TEST(Artifacts, ZipsAreExplainedWhereWanted) {
  Fixture f;
  f.runner.url = "https://git.example.com";
  f.runner.executor = "docker";
  f.runner.name = "box";
  f.job.info.name = "build";
  f.set("CI_RUNNER_ID", "12");
  f.job.artifacts.push_back({.paths = {"a"}, .format = "zip"});
  f.job.artifacts.push_back({.paths = {"b"}, .format = "gzip"});
  f.job.artifacts.push_back({.paths = {"c"}});
  const auto artifacts = [&f] {
    auto input = f.input();
    input.started_at = "2026-01-02T03:04:05Z";
    input.now = "2026-01-02T03:05:00Z";
    return parameters(*upload_artifacts_stage(input, true)).at("artifacts");
  };
  EXPECT_FALSE(artifacts()[0].contains("provenance"));
  f.job.variables.add_internal("RUNNER_GENERATE_ARTIFACTS_METADATA", "true");
  const auto made = artifacts();
  EXPECT_FALSE(made[1].contains("provenance"));
  EXPECT_FALSE(made[2].contains("provenance"));
  EXPECT_EQ(made[0].at("provenance"),
            json({{"runner_id", "12"},
                  {"repo_url", "https://git.example.com/group/app.git"},
                  {"repo_digest", "abc"},
                  {"job_name", "build"},
                  {"executor_name", "docker"},
                  {"runner_name", "box"},
                  {"started_at", "2026-01-02T03:04:05Z"},
                  {"ended_at", "2026-01-02T03:05:00Z"},
                  {"schema_version", ""},
                  {"parameters", {"RUNNER_GENERATE_ARTIFACTS_METADATA"}}}));
}

TEST(Artifacts, WhichOnesAreUploadedWhen) {
  Fixture f;
  f.runner.url = "https://gitlab.example.com";
  const auto artifact = [](const char* when, const char* path) {
    return job::Artifact{.name = when, .paths = {path}, .when = when, .type = "archive"};
  };
  f.job.artifacts = {artifact("", "default"), artifact("on_success", "s"),
                     artifact("on_failure", "f"), artifact("always", "a"), artifact("never", "n")};
  f.job.artifacts.push_back(job::Artifact{.name = "without files", .when = "always"});
  f.job.artifacts.push_back(job::Artifact{.untracked = true, .when = "on_failure"});
  const auto names = [](const std::optional<executors::Stage>& stage) {
    Words result;
    const auto sent = parameters(*stage);
    for (const auto& item : sent["artifacts"]) result.push_back(item["name"]);
    return result;
  };
  EXPECT_THAT(names(upload_artifacts_stage(f.input(), true)),
              ElementsAre("", "on_success", "always"));
  EXPECT_THAT(names(upload_artifacts_stage(f.input(), false)),
              ElementsAre("on_failure", "always", ""));
  EXPECT_EQ(upload_artifacts_stage(f.input(), true)->name, "upload_artifacts_on_success");
  EXPECT_EQ(upload_artifacts_stage(f.input(), false)->name, "upload_artifacts_on_failure");
  const auto p = parameters(*upload_artifacts_stage(f.input(), true));
  EXPECT_EQ(p["job"], 1);
  EXPECT_EQ(p["token"], "glcbt-64_jobToken");
  f.runner.url.clear();
  EXPECT_FALSE(upload_artifacts_stage(f.input(), true)) << "nowhere to send them";
  f.runner.url = "https://gitlab.example.com";
  f.job.artifacts = {artifact("on_failure", "f")};
  EXPECT_FALSE(upload_artifacts_stage(f.input(), true));
}

}  // namespace
}  // namespace slipway::runner
