#include "executors/docker/plan.hpp"

#include <gmock/gmock.h>

#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

json variable(const char* key, const std::string& value) {
  return {{"key", key}, {"value", value}, {"public", true}};
}
json variables(std::initializer_list<json> list) {
  return {{"+variables", json(list)}};
}

json image(const std::string& name) {
  return {{"image", {{"name", name}}}};
}

TEST(Plan, NeedsTheDockerSection) {
  auto runner = runner_of();
  runner.docker.reset();
  EXPECT_THROW(make_plan(job_of(payload()), runner, context()), job::Failure);
}

TEST(PlanImage, OfTheJobElseOfTheConfiguration) {
  const auto named = plan_of(image("ruby:3"), "image = \"alpine\"");
  EXPECT_EQ(named.image.name, "ruby:3");
  EXPECT_FALSE(named.image.from_config);
  for (const auto* empty : {"", "$UNSET"}) {
    auto changes = image(empty);
    changes["+variables"] = {variable("DEFAULT", "alpine:3")};
    const auto plan = plan_of(changes, "image = \"$DEFAULT\"");
    EXPECT_EQ(plan.image.name, "alpine:3") << empty;
    EXPECT_TRUE(plan.image.from_config);
  }
  EXPECT_EQ(refusal(image("")).text, "no Docker image specified to run the build in");
}

TEST(PlanImage, E54_VariablesOfTheJobLevelExpand) {
  auto changes = image("$REGISTRY/ruby:$VERSION");
  changes["+variables"] = {variable("REGISTRY", "reg.tld:$PORT"), variable("VERSION", "3"),
                           variable("PORT", "5000")};
  const auto plan = plan_of(changes);
  EXPECT_EQ(plan.image.name, "reg.tld:5000/ruby:3");
}

TEST(PlanImage, E37_AllowList) {
  const std::string allowed =
      "image = \"internal/base:1\"\nallowed_images = [\"ruby:*\", \"**/ok*\"]";
  for (const auto* fine : {"ruby:3", "a/b/okay:1", "ok", "internal/base:1", ""})
    EXPECT_EQ(refusal(image(fine), allowed).text, "(none)") << fine;
  const auto refused = refusal(image("alpine:3"), allowed);
  EXPECT_THAT(refused.text,
              StartsWith("disallowed image\n\nThe \"alpine:3\" image is not present on list of "
                         "allowed images:\n- ruby:*\n- **/ok*\n\n"));
  EXPECT_EQ(refused.reason, job::FailureReason::runner_system_failure);
  EXPECT_EQ(refusal(image("anything"), "allowed_images = [\"**\", \"!*/kali*\"]").text, "(none)");
}

TEST(PlanImage, NamesThatAreNone) {
  const std::string id = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(plan_of(image(id)).image.name, id);
  for (const auto& text : {std::string{"Not An Image"}, "sha256:" + std::string(300, 'a'),
                           std::string(100'000, 'a')}) {
    const auto refused = refusal(image(text), "allowed_images = [\"*a*a*a*b\"]");
    EXPECT_THAT(refused.text, StartsWith("invalid image name: "));
    EXPECT_LT(refused.text.size(), 300u);
    EXPECT_EQ(refused.reason, job::FailureReason::runner_configuration_error);
  }
}

struct UserCase {
  const char* job;
  const char* toml;
  const char* user;
  const char* refused;
};

TEST(PlanUser, E56_ConfigurationBeatsTheJob) {
  const UserCase cases[] = {
      {"", "", "", ""},
      {"1000:1000", "", "1000:1000", ""},
      {"$U", "", "app", ""},
      {"1000", "user = \"root\"", "root", ""},
      {"app", "allowed_users = [\"app\", \"www\"]", "app", ""},
      {"", "allowed_users = [\"app\"]", "", ""},
      {"root", "allowed_users = [\"app\", \"www\"]", "root",
       "user \"root\" is not an allowed user: [app www]"},
      {"app", "user = \"root\"\nallowed_users = [\"app\"]", "root",
       "user \"root\" is not an allowed user: [app]"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string{c.job} + " " + c.toml);
    json changes{
        {"image", {{"name", "alpine"}, {"executor_opts", {{"docker", {{"user", c.job}}}}}}},
        {"+variables", {variable("U", "app")}}};
    const auto plan = plan_of(changes, c.toml);
    EXPECT_EQ(plan.build.user, c.user);
    EXPECT_EQ(plan.build_refused, c.refused);
    EXPECT_EQ(plan.helper.user, "");
  }
}

TEST(PlanEntrypoint, OfTheBuildContainer) {
  const auto with = [](const json& entrypoint) {
    return plan_of({{"image", {{"name", "alpine"}, {"entrypoint", entrypoint}}}}).build.entrypoint;
  };
  EXPECT_EQ(with({""}), std::vector<std::string>{""});
  EXPECT_EQ(with({"/bin/sh", "-c"}), (std::vector<std::string>{"/bin/sh", "-c"}));
  EXPECT_EQ(with(json::array()), std::nullopt);
  EXPECT_EQ(with(nullptr), std::nullopt);
}

struct DirectoryCase {
  const char* what;
  json changes;
  const char* docker;
  const char* runner;
  const char* project;
  const char* cache;
};

json repository(const char* url) {
  auto git = payload().at("git_info");
  git["repo_url"] = url;
  return {{"git_info", git}};
}

TEST(PlanDirectories, Case43AreThoseOfTheDocumentation) {
  const DirectoryCase cases[] = {
      {"normal", {}, "", "", "/builds/group/app", "/cache/group/app"},
      {"subgroups", repository("https://h/a/b/c.git"), "", "", "/builds/a/b/c", "/cache/a/b/c"},
      {"no .git", repository("https://h/a/b"), "", "", "/builds/a/b", "/cache/a/b"},
      {"dots", repository("https://h/a/../b.git"), "", "", "/builds/project-1234",
       "/cache/project-1234"},
      {"no path", repository("https://h"), "", "", "/builds/project-1234", "/cache/project-1234"},
      {"no URL", repository("nonsense"), "", "", "/builds/project-1234", "/cache/project-1234"},
      {"builds_dir",
       {},
       "",
       "builds_dir = \"/ci/./jobs/\"",
       "/ci/jobs/group/app",
       "/cache/group/app"},
      {"cache_dir", {}, "", "cache_dir = \"/c\"", "/builds/group/app", "/c/group/app"},
      {"shared",
       {},
       "volumes = [\"/srv:/builds\"]",
       "",
       "/builds/theToken/2/group/app",
       "/cache/group/app"},
      {"shared by a parent",
       {},
       "volumes = [\"/srv:/ci/\"]",
       "builds_dir = \"/ci/jobs\"",
       "/ci/jobs/theToken/2/group/app",
       "/cache/group/app"},
      {"managed volume is not shared",
       {},
       "volumes = [\"/builds\"]",
       "",
       "/builds/group/app",
       "/cache/group/app"},
      {"child of the builds directory is not shared",
       {},
       "volumes = [\"/x:/builds/x\"]",
       "",
       "/builds/group/app",
       "/cache/group/app"},
      {"empty", variables({variable("GIT_STRATEGY", "empty")}), "", "", "/builds/group/app-empty",
       "/cache/group/app-empty"},
      {"empty by the runner",
       {{"variables", json::array()}},
       "",
       "environment = [\"GIT_STRATEGY=empty\"]",
       "/builds/group/app-empty",
       "/cache/group/app-empty"},
      {"clone path", variables({variable("GIT_CLONE_PATH", "$CI_BUILDS_DIR/go/src/../x")}), "", "",
       "/builds/go/x", "/cache/group/app"},
      {"clone path is the builds directory", variables({variable("GIT_CLONE_PATH", "/builds/")}),
       "", "", "/builds", "/cache/group/app"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto plan = plan_of(c.changes, c.docker, c.runner);
    const auto& environment = plan.environment;
    EXPECT_EQ(environment.project_dir, c.project);
    EXPECT_EQ(environment.temp_dir, std::string{c.project} + ".tmp");
    EXPECT_EQ(environment.cache_dir, c.cache);
    EXPECT_EQ(env_value(plan.build.env, "CI_PROJECT_DIR"), c.project);
    EXPECT_EQ(env_value(plan.build.env, "CI_BUILDS_DIR"), environment.builds_dir);
  }
}

TEST(PlanDirectories, Case44ClonePathIsBounded) {
  const auto clone = [](const char* path) { return variables({variable("GIT_CLONE_PATH", path)}); };
  for (const auto* path :
       {"/elsewhere", "/builds/../etc", "relative", "/buildsx", "$CI_BUILDS_DIR/../x"}) {
    const auto refused = refusal(clone(path));
    EXPECT_THAT(refused.text,
                ::testing::MatchesRegex("the GIT_CLONE_PATH=\".*\" has to be within \"/builds\""))
        << path;
    EXPECT_EQ(refused.reason, job::FailureReason::runner_configuration_error);
  }
  EXPECT_EQ(refusal(clone("/builds/x"), "", "[runners.custom_build_dir]\nenabled = false").text,
            "setting GIT_CLONE_PATH is not allowed, enable `custom_build_dir` feature");
  json raw{{"+variables", {{{"key", "GIT_CLONE_PATH"}, {"value", "/builds/$X"}, {"raw", true}}}}};
  EXPECT_EQ(plan_of(raw).environment.project_dir, "/builds/$X");
}

TEST(PlanDirectories, TheBuildsRootIsAbsoluteAndNotTheRoot) {
  for (const auto* root : {"/", "builds", "/.."})
    EXPECT_EQ(refusal({}, "", std::string{"builds_dir = \""} + root + "\"").reason,
              job::FailureReason::runner_configuration_error)
        << root;
}

TEST(Plan, HelperIsForSourcesAndArtifacts) {
  const std::pair<const char*, bool> cases[] = {
      {"fetch", true}, {"clone", true}, {"none", false}, {"empty", false}, {"nonsense", true}};
  for (const auto& [strategy, helper] : cases)
    EXPECT_EQ(plan_of(variables({variable("GIT_STRATEGY", strategy)})).needs_helper, helper)
        << strategy;
  const auto with = [](const char* field, json value) {
    auto job = variables({variable("GIT_STRATEGY", "none")});
    job[field] = json::array({std::move(value)});
    return plan_of(job).needs_helper;
  };
  EXPECT_TRUE(with("artifacts", {{"paths", {"a"}}}));
  EXPECT_TRUE(with("artifacts", {{"untracked", true}}));
  EXPECT_FALSE(with("artifacts", {{"name", "without files"}}));
  EXPECT_TRUE(with("dependencies", {{"id", 1}, {"artifacts_file", {{"filename", "a.zip"}}}}));
  EXPECT_FALSE(with("dependencies", {{"id", 1}, {"name", "has none"}}));
  EXPECT_FALSE(with("services", {{"name", "postgres"}})) << "the build container may ask it";
}

TEST(Plan, SmallSettings) {
  const auto plan =
      plan_of({},
              "hostname = \"ci\"\nwait_for_services_timeout = -1\nagent = \"off\"\n"
              "extra_hosts = [\"a:1.2.3.4\"]\n[runners.docker.dind]\nreadiness = false");
  EXPECT_EQ(plan.build.hostname, "ci");
  EXPECT_EQ(plan.helper.hostname, "ci");
  EXPECT_EQ(plan.wait_for_services, std::chrono::seconds{-1});
  EXPECT_FALSE(plan.agent);
  EXPECT_FALSE(plan.dind_readiness);
  EXPECT_THAT(plan.build.extra_hosts, ElementsAre("a:1.2.3.4"));
  EXPECT_EQ(plan_of({}).build.hostname, "runner-thetoken-project-1234-concurrent-2");
}

}  // namespace
}  // namespace slipway::executors::docker
