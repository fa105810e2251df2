#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "job/failure.hpp"
#include "stage_fixture.hpp"

namespace slipway::runner {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

TEST(Sources, TakeWhatThePayloadSays) {
  Fixture f;
  f.environment.variables.add({.key = "KEY", .value = "content", .is_public = true, .file = true});
  const auto p = f.sources();
  EXPECT_EQ(p.strategy, "fetch");
  EXPECT_EQ(p.url_rules.front().first,
            "https://gitlab-ci-token:glcbt-64_jobToken@git.example.com/group/app.git");
  EXPECT_EQ(p.url_rules.front().second, p.remote_url);
  EXPECT_EQ(p.remote_url, "https://git.example.com/group/app.git");
  EXPECT_EQ(p.project_dir, "/builds/group/app");
  EXPECT_EQ(p.temp_dir, "/builds/group/app.tmp");
  EXPECT_EQ(p.ref, "main");
  EXPECT_EQ(p.sha, "abc");
  EXPECT_EQ(p.object_format, "sha1");
  EXPECT_THAT(p.refspecs, ElementsAre("+a:b"));
  EXPECT_EQ(p.depth, 20);
  EXPECT_TRUE(p.checkout);
  EXPECT_TRUE(p.safe_directory);
  EXPECT_TRUE(p.clean_git_config);
  EXPECT_THAT(p.clean_flags, ElementsAre("-ffdx"));
  EXPECT_THAT(p.fetch_flags, ElementsAre("--prune", "--quiet"));
  EXPECT_EQ(p.user_agent, "slipway 1 linux/amd64");
  const std::pair<std::string, std::string> key{"KEY", "/builds/group/app.tmp/KEY"};
  EXPECT_THAT(p.variables, ::testing::Contains(key));
  EXPECT_THAT(p.files, ElementsAre(::testing::Pair("KEY", "content")));
  EXPECT_EQ(p.builds_dir, "/builds");
  EXPECT_EQ(p.cache_dir, "/cache/group/app");
  EXPECT_EQ(p.submodule_strategy, "none");
  EXPECT_EQ(p.submodule_depth, 20);
  EXPECT_TRUE(p.lfs);
  EXPECT_TRUE(p.bundle_uris);
  EXPECT_FALSE(p.proactive_auth);
  EXPECT_FALSE(p.native_clone);
  EXPECT_EQ(p.correlation_id, "-1");
  EXPECT_EQ(p.ca_file, "");
}

TEST(Sources, Strategies) {
  const std::tuple<const char*, bool, const char*> cases[] = {
      {"", true, "fetch"},       {"", false, "clone"},    {"clone", true, "clone"},
      {"fetch", false, "fetch"}, {"none", true, "none"},  {"empty", true, "empty"},
      {"odd", true, "fetch"},    {"odd", false, "clone"},
  };
  for (const auto& [variable, allow_fetch, want] : cases) {
    Fixture f;
    f.job.allow_git_fetch = allow_fetch;
    if (*variable != '\0') f.set("GIT_STRATEGY", variable);
    EXPECT_EQ(f.sources().strategy, want) << variable;
  }
}

TEST(Sources, Flags) {
  const std::pair<const char*, Words> cases[] = {
      {"none", {}},
      {"", {"-ffdx"}},
      {"-ffdx -e cache/", {"-ffdx", "-e", "cache/"}},
      {"  -x\t-d\n", {"-x", "-d"}},
      {"-e 'a b'", {"-e", "'a", "b'"}},
  };
  for (const auto& [text, want] : cases) {
    Fixture f;
    f.set("GIT_CLEAN_FLAGS", text);
    EXPECT_EQ(f.sources().clean_flags, want) << text;
  }
  Fixture f;
  f.set("GIT_FETCH_EXTRA_FLAGS", "none");
  EXPECT_THAT(f.sources().fetch_flags, IsEmpty());
}

TEST(Sources, SettingsOfJobAndRunner) {
  Fixture f;
  f.set("GIT_CHECKOUT", "false");
  f.runner.safe_directory_checkout = false;
  f.runner.clean_git_config = false;
  EXPECT_FALSE(f.sources().checkout);
  EXPECT_FALSE(f.sources().safe_directory);
  EXPECT_FALSE(f.sources().clean_git_config);

  Fixture odd;
  odd.set("GIT_CHECKOUT", "perhaps");
  EXPECT_TRUE(odd.sources().checkout);

  Fixture none;
  none.set("GIT_STRATEGY", "none");
  EXPECT_FALSE(none.sources().clean_git_config);
  EXPECT_FALSE(parameters(cleanup_stage(none.input()))["clean_git_config"].get<bool>());
}

TEST(Sources, Case41FetchFlagsReplaceTheDefaults) {
  Fixture f;
  f.set("GIT_FETCH_EXTRA_FLAGS", "--tags");
  EXPECT_THAT(f.sources().fetch_flags, ElementsAre("--tags"));
}

TEST(Sources, SettingsOfTheSubmodules) {
  Fixture f;
  f.set("GIT_SUBMODULE_STRATEGY", "recursive");
  f.set("GIT_SUBMODULE_PATHS", "a :(exclude)b");
  f.set("GIT_SUBMODULE_DEPTH", "3");
  f.set("GIT_SUBMODULE_UPDATE_FLAGS", "--remote --jobs 4");
  f.set("GIT_SUBMODULE_FORCE_HTTPS", "true");
  f.set("CI_SERVER_HOST", "git.example.com");
  f.set("GIT_LFS_SKIP_SMUDGE", "true");
  auto p = f.sources();
  EXPECT_EQ(p.submodule_strategy, "recursive");
  EXPECT_THAT(p.submodule_paths, ElementsAre("a", ":(exclude)b"));
  EXPECT_EQ(p.submodule_depth, 3);
  EXPECT_THAT(p.submodule_update_flags, ElementsAre("--remote", "--jobs", "4"));
  EXPECT_FALSE(p.lfs);
  const auto ssh = [&p](std::string prefix) {
    return std::any_of(p.url_rules.begin(), p.url_rules.end(),
                       [&prefix](const auto& rule) { return rule.second == prefix; });
  };
  EXPECT_TRUE(ssh("git@git.example.com:"));
  f.set("CI_SERVER_SHELL_SSH_HOST", "ssh.example.com");
  f.set("CI_SERVER_SHELL_SSH_PORT", "2222");
  p = f.sources();
  EXPECT_FALSE(ssh("git@git.example.com:"));
  EXPECT_TRUE(ssh("ssh://git@ssh.example.com:2222/"));
}

TEST(Sources, SettingsThatCannotBeMeantFailTheStage) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"GIT_SUBMODULE_STRATEGY", "all", "unknown GIT_SUBMODULE_STRATEGY"},
      {"GIT_SUBMODULE_PATHS", "a :(exclude)",
       "GIT_SUBMODULE_PATHS: invalid submodule pathspec \"a :(exclude)\""},
  };
  for (const auto& [key, value, text] : cases) {
    Fixture f;
    f.set("GIT_SUBMODULE_STRATEGY", "normal");
    f.set(key, value);
    try {
      get_sources_stage(f.input());
      ADD_FAILURE() << key;
    } catch (const job::Failure& failure) {
      EXPECT_STREQ(failure.what(), text);
      EXPECT_EQ(failure.reason(), job::FailureReason::runner_system_failure);
    }
    // The other stages of the job work all the same.
    EXPECT_EQ(cleanup_stage(f.input()).name, "cleanup_file_variables");
    f.set("GIT_STRATEGY", "none");
    EXPECT_EQ(get_sources_stage(f.input()).name, "get_sources");
  }
}

TEST(Sources, FeatureFlags) {
  Fixture f;
  for (const auto* flag :
       {"FF_USE_GIT_NATIVE_CLONE", "FF_USE_GIT_PROACTIVE_AUTH", "FF_GIT_URLS_WITHOUT_TOKENS"})
    f.set(flag, "true");
  for (const auto* flag : {"FF_USE_GIT_BUNDLE_URIS", "FF_USE_GITALY_CORRELATION_ID"})
    f.set(flag, "false");
  f.set("GIT_CLONE_EXTRA_FLAGS", "--no-tags");
  f.runner.url = "https://runner.example.com";
  const auto p = f.sources();
  EXPECT_TRUE(p.native_clone);
  EXPECT_TRUE(p.proactive_auth);
  EXPECT_FALSE(p.bundle_uris);
  EXPECT_EQ(p.correlation_id, "");
  EXPECT_THAT(p.clone_flags, ElementsAre("--no-tags"));
  EXPECT_THAT(p.url_rules, IsEmpty());
  EXPECT_THAT(p.credential_origins,
              ElementsAre("https://git.example.com", "https://runner.example.com"));
  auto shown = json(p);
  shown.erase("variables");
  EXPECT_THAT(shown.dump(), Not(HasSubstr("glcbt-64_jobToken")));
}

TEST(Sources, CertificatesAreFilesOfTheJob) {
  Fixture f;
  f.runner.url = "https://git.example.com/";
  f.environment.variables.add({.key = "CI_SERVER_TLS_CA_FILE", .value = "PEM", .file = true});
  f.set("CI_SERVER_TLS_CERT_FILE", "/etc/own.pem");
  const auto p = f.sources();
  EXPECT_EQ(p.ca_file, "/builds/group/app.tmp/CI_SERVER_TLS_CA_FILE");
  EXPECT_EQ(p.certificate_file, "/etc/own.pem");
  EXPECT_EQ(p.key_file, "");
  EXPECT_THAT(p.tls_origins, ElementsAre("https://git.example.com"));
  EXPECT_TRUE(p.global_tls);
}

TEST(Sources, DefaultsByExecutor) {
  struct Case {
    const char* executor;
    bool safe_directory;
    bool clean_config;
    bool global_tls;
  };
  const Case cases[] = {{"docker", true, true, true},
                        {"kubernetes", true, true, true},
                        {"shell", false, false, false},
                        {"ssh", false, true, false},
                        {"custom", false, true, false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.executor);
    Fixture f;
    f.runner.executor = c.executor;
    const auto p = f.sources();
    EXPECT_EQ(p.safe_directory, c.safe_directory);
    EXPECT_EQ(p.clean_git_config, c.clean_config);
    EXPECT_EQ(p.global_tls, c.global_tls);
  }
}

TEST(Sources, CloneUrlReplacesSchemeAndHost) {
  Fixture f;
  f.runner.clone_url = "http://10.0.0.1:8080/";
  EXPECT_EQ(f.sources().remote_url, "http://10.0.0.1:8080/group/app.git");
  EXPECT_EQ(f.sources().url_rules.front().first,
            "http://gitlab-ci-token:glcbt-64_jobToken@10.0.0.1:8080/group/app.git");
  f.set("CI_PROJECT_PATH", "other/path");
  EXPECT_EQ(f.sources().remote_url, "http://10.0.0.1:8080/other/path.git");
}

TEST(Sources, HooksStandAroundTheJobs) {
  Fixture f;
  f.runner.pre_get_sources_script = "echo config pre";
  f.runner.post_get_sources_script = "echo config post";
  const auto p = f.sources();
  EXPECT_LT(p.pre_script.find("echo config pre"), p.pre_script.find("echo job pre"));
  EXPECT_LT(p.post_script.find("echo job post"), p.post_script.find("echo config post"));
  EXPECT_NE(p.post_script.find("echo config post"), std::string::npos);

  f.runner = {};
  f.job.hooks.clear();
  EXPECT_EQ(f.sources().pre_script, "");
  EXPECT_EQ(f.sources().post_script, "");
}

TEST(Sources, WithoutARepositoryThereAreNoHooks) {
  for (const auto* strategy : {"none", "empty"}) {
    Fixture f;
    f.runner.pre_get_sources_script = "echo config pre";
    f.set("GIT_STRATEGY", strategy);
    EXPECT_EQ(f.sources().pre_script, "") << strategy;
    EXPECT_EQ(f.sources().post_script, "") << strategy;
  }
}

}  // namespace
}  // namespace slipway::runner
