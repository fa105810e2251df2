#include "job/settings.hpp"

#include <gmock/gmock.h>

namespace slipway::job {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

Settings read(const std::vector<std::pair<std::string, std::string>>& list,
              const SettingsContext& context = {}) {
  Variables variables;
  for (const auto& [key, value] : list) variables.add_internal(key, value);
  return read_settings(variables, context);
}

TEST(Settings, Defaults) {
  for (const auto& list : {std::vector<std::pair<std::string, std::string>>{},
                           {{"GIT_STRATEGY", ""}, {"GIT_CHECKOUT", ""}, {"GIT_CLEAN_FLAGS", ""}}}) {
    const auto settings = read(list, {true, 20, false});
    EXPECT_EQ(settings.git_strategy, "fetch");
    EXPECT_TRUE(settings.git_checkout);
    EXPECT_EQ(settings.submodule_strategy, SubmoduleStrategy::none);
    EXPECT_THAT(settings.submodule_paths, IsEmpty());
    EXPECT_EQ(settings.submodule_depth, 20);
    EXPECT_THAT(settings.submodule_update_flags, IsEmpty());
    EXPECT_FALSE(settings.submodule_force_https);
    EXPECT_THAT(settings.clean_flags, ElementsAre("-ffdx"));
    EXPECT_THAT(settings.fetch_flags, ElementsAre("--prune", "--quiet"));
    EXPECT_THAT(settings.clone_flags, IsEmpty());
    EXPECT_FALSE(settings.lfs_skip_smudge);
    EXPECT_FALSE(settings.debug_trace);
    EXPECT_FALSE(settings.debug_services);
    EXPECT_TRUE(settings.after_script_ignore_errors);
    EXPECT_EQ(settings.cache_request_timeout, 10);
    EXPECT_TRUE(settings.docker_auth_config.empty());
    EXPECT_EQ(settings.get_sources_attempts, 1);
    EXPECT_THAT(settings.errors, IsEmpty());
  }
  EXPECT_EQ(read({}, {false, 0, false}).git_strategy, "clone");
}

TEST(Settings, Values) {
  const auto settings = read({{"GIT_STRATEGY", "none"},
                              {"GIT_CHECKOUT", "0"},
                              {"GIT_SUBMODULE_STRATEGY", "recursive"},
                              {"GIT_SUBMODULE_PATHS", " a\tb/c  :(exclude)d\n"},
                              {"GIT_SUBMODULE_DEPTH", "1"},
                              {"GIT_SUBMODULE_UPDATE_FLAGS", "--remote --jobs 4"},
                              {"GIT_SUBMODULE_FORCE_HTTPS", "T"},
                              {"GIT_CLEAN_FLAGS", "none"},
                              {"GIT_FETCH_EXTRA_FLAGS", "--tags"},
                              {"GIT_CLONE_EXTRA_FLAGS", "--no-tags -c a=b"},
                              {"GIT_LFS_SKIP_SMUDGE", "1"},
                              {"GIT_CLONE_PATH", "/builds/x"},
                              {"CI_DEBUG_TRACE", "true"},
                              {"CI_DEBUG_SERVICES", "true"},
                              {"AFTER_SCRIPT_IGNORE_ERRORS", "False"},
                              {"CACHE_REQUEST_TIMEOUT", "+5"},
                              {"DOCKER_AUTH_CONFIG", "{}"},
                              {"RESTORE_CACHE_ATTEMPTS", "2"},
                              {"ARTIFACT_DOWNLOAD_ATTEMPTS", "3"},
                              {"EXECUTOR_JOB_SECTION_ATTEMPTS", "4"},
                              {"SECRETS_RETRIEVAL_ATTEMPTS", "5"}});
  EXPECT_EQ(settings.git_strategy, "none");
  EXPECT_FALSE(settings.git_checkout);
  EXPECT_EQ(settings.submodule_strategy, SubmoduleStrategy::recursive);
  EXPECT_THAT(settings.submodule_paths, ElementsAre("a", "b/c", ":(exclude)d"));
  EXPECT_EQ(settings.submodule_paths_error, "");
  EXPECT_EQ(settings.submodule_depth, 1);
  EXPECT_THAT(settings.submodule_update_flags, ElementsAre("--remote", "--jobs", "4"));
  EXPECT_TRUE(settings.submodule_force_https);
  EXPECT_THAT(settings.clean_flags, IsEmpty());
  EXPECT_THAT(settings.fetch_flags, ElementsAre("--tags"));
  EXPECT_THAT(settings.clone_flags, ElementsAre("--no-tags", "-c", "a=b"));
  EXPECT_TRUE(settings.lfs_skip_smudge);
  EXPECT_EQ(settings.clone_path, "/builds/x");
  EXPECT_TRUE(settings.debug_trace);
  EXPECT_TRUE(settings.debug_services);
  EXPECT_FALSE(settings.after_script_ignore_errors);
  EXPECT_EQ(settings.cache_request_timeout, 5);
  EXPECT_EQ(settings.docker_auth_config.reveal(), "{}");
  EXPECT_EQ(settings.restore_cache_attempts, 2);
  EXPECT_EQ(settings.artifact_download_attempts, 3);
  EXPECT_EQ(settings.executor_job_section_attempts, 4);
  EXPECT_EQ(settings.secrets_retrieval_attempts, 5);
  EXPECT_THAT(settings.errors, IsEmpty());
}

struct BadValue {
  const char* key;
  const char* value;
  const char* error;
};

TEST(Settings, BadValuesLeaveTheDefaultAndSaySo) {
  const BadValue cases[] = {
      {"GIT_STRATEGY", "x",
       "GIT_STRATEGY: expected either 'clone', 'fetch', 'none' or 'empty' got \"x\", using default "
       "value 'fetch'"},
      {"GIT_CHECKOUT", "perhaps",
       "GIT_CHECKOUT: expected bool got \"perhaps\", using default value: true"},
      {"GIT_LFS_SKIP_SMUDGE", "yes",
       "GIT_LFS_SKIP_SMUDGE: expected bool got \"yes\", using default value: false"},
      {"GIT_SUBMODULE_FORCE_HTTPS", " true",
       "GIT_SUBMODULE_FORCE_HTTPS: expected bool got \" true\", using default value: false"},
      {"GIT_SUBMODULE_STRATEGY", "all",
       "GIT_SUBMODULE_STRATEGY: expected either 'normal', 'recursive' or 'none' got \"all\""},
      {"GIT_SUBMODULE_DEPTH", "1.5",
       "GIT_SUBMODULE_DEPTH: expected int got \"1.5\", using default value: 20"},
      {"CACHE_REQUEST_TIMEOUT", "99999999999",
       "CACHE_REQUEST_TIMEOUT: expected int got \"99999999999\", using default value: 10"},
      {"AFTER_SCRIPT_IGNORE_ERRORS", "a\"b\\c\n\x01",
       "AFTER_SCRIPT_IGNORE_ERRORS: expected bool got \"a\\\"b\\\\c\\n\\x01\", using default "
       "value: true"},
      {"GET_SOURCES_ATTEMPTS", "abc",
       "GET_SOURCES_ATTEMPTS: expected int got \"abc\", using default value: 1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.key);
    const auto settings = read({{c.key, c.value}}, {true, 20, false});
    EXPECT_THAT(settings.errors, ElementsAre(c.error));
    EXPECT_EQ(settings.git_strategy, "fetch");
    EXPECT_TRUE(settings.git_checkout);
    EXPECT_FALSE(settings.lfs_skip_smudge);
    EXPECT_EQ(settings.submodule_depth, 20);
    EXPECT_EQ(settings.cache_request_timeout, 10);
  }
  EXPECT_EQ(read({{"GIT_SUBMODULE_STRATEGY", "all"}}).submodule_strategy,
            SubmoduleStrategy::invalid);
  EXPECT_THAT(read({{"GIT_STRATEGY", "x"}}, {false, 0, false}).errors.front(),
              ::testing::EndsWith("using default value 'clone'"));
}

TEST(Settings, Case14AttemptsAreClamped) {
  auto settings = read({{"GET_SOURCES_ATTEMPTS", "99"}});
  EXPECT_EQ(settings.get_sources_attempts, 10);
  EXPECT_THAT(settings.errors,
              ElementsAre("GET_SOURCES_ATTEMPTS: number of attempts out of the range [1, 10], "
                          "clamping to: 10"));
  settings = read({{"GET_SOURCES_ATTEMPTS", "abc"}});
  EXPECT_EQ(settings.get_sources_attempts, 1);
  EXPECT_EQ(settings.errors.size(), 1u);
}

TEST(Settings, Case33DebuggingMayBeForbidden) {
  auto settings = read({{"CI_DEBUG_TRACE", "true"}}, {true, 0, true});
  EXPECT_FALSE(settings.debug_trace);
  EXPECT_THAT(settings.errors, ElementsAre("CI_DEBUG_TRACE: usage is disabled on this Runner"));
  EXPECT_THAT(read({{"CI_DEBUG_TRACE", "false"}}, {true, 0, true}).errors, IsEmpty());
}

TEST(Settings, AnExclusionOfNothingIsNoPathspec) {
  const auto settings = read({{"GIT_SUBMODULE_PATHS", "a :(exclude) b"}});
  EXPECT_EQ(settings.submodule_paths_error,
            "GIT_SUBMODULE_PATHS: invalid submodule pathspec \"a :(exclude) b\"");
  EXPECT_EQ(read({{"GIT_SUBMODULE_PATHS", ":(exclude)a"}}).submodule_paths_error, "");
}

TEST(Settings, TheLastOfSeveralCounts) {
  EXPECT_EQ(read({{"GIT_STRATEGY", "clone"}, {"GIT_STRATEGY", "none"}}).git_strategy, "none");
}

TEST(Settings, LongValuesAreCut) {
  const auto settings = read({{"GIT_CHECKOUT", std::string(100'000, 'x')}});
  ASSERT_EQ(settings.errors.size(), 1u);
  EXPECT_LT(settings.errors.front().size(), 200u);
}

}  // namespace
}  // namespace slipway::job
