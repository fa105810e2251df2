#include <gmock/gmock.h>

#include "executors/docker/plan_parts.hpp"
#include "plan_support.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct GrammarCase {
  std::string text;
  std::string source;
  std::string destination;
  std::string options;
};

TEST(VolumeGrammar, E32_Accepted) {
  const GrammarCase cases[] = {
      {"/cache", "", "/cache", ""},
      {"/with space/x", "", "/with space/x", ""},
      {"/cache:rw", "", "/cache", "rw"},
      {"/host:/c", "/host", "/c", ""},
      {"name:/c", "name", "/c", ""},
      {"a name:/c", "a name", "/c", ""},
      {"/host:/c:ro", "/host", "/c", "ro"},
      {"/host:/c:RO", "/host", "/c", "RO"},
      {"/host:/c:O", "/host", "/c", "O"},
      {"/host:/c:z", "/host", "/c", "z"},
      {"/host:/c:ro,Z", "/host", "/c", "ro,Z"},
      {"/host:/c:ro:Z", "/host", "/c", "ro,Z"},
      {"/host:/c:rslave", "/host", "/c", "rslave"},
      {"/host:/c:rw:z:rshared", "/host", "/c", "rw,z,rshared"},
      {"/host:/c:rw,z,private", "/host", "/c", "rw,z,private"},
      {"/var/run/docker.sock:/var/run/docker.sock", "/var/run/docker.sock", "/var/run/docker.sock",
       ""},
      {"/$CI_PROJECT_PATH", "", "/$CI_PROJECT_PATH", ""},
      {"/a,b", "", "/a,b", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto spec = parse_volume(c.text);
    EXPECT_EQ(spec.source, c.source);
    EXPECT_EQ(spec.destination, c.destination);
    EXPECT_EQ(spec.options, c.options);
  }
}

TEST(VolumeGrammar, E32_Refused) {
  for (const std::string text : {"",
                                 "cache",
                                 "x:y",
                                 ":/x",
                                 "/host:",
                                 "/host:/c:",
                                 "/host:/c:nocopy",
                                 "/host:/c:cached",
                                 "/host:/c:delegated",
                                 "/host:/c:ro:ro",
                                 "/host:/c:z,ro",
                                 "/host:/c:shared:z",
                                 "/host:/c:SHARED",
                                 "/c:nocopy",
                                 "/host:/c:/d",
                                 "./rel:/c",
                                 "~/x:/c",
                                 "a/b:/c",
                                 "$CI_PROJECT_DIR/x",
                                 "/a*b",
                                 "/a?b",
                                 "/a\"b",
                                 "/a<b",
                                 "/a>b",
                                 "/a|b",
                                 "/a\\b",
                                 "/a\nb",
                                 "/host\r:/c",
                                 "/host:/c:ro,z,shared,ro"}) {
    SCOPED_TRACE(text);
    const auto refused = refusal({}, "volumes = [" + json(text).dump() + "]");
    EXPECT_EQ(refused.text, "invalid volume specification: \"" + text + "\"");
    EXPECT_EQ(refused.reason, job::FailureReason::runner_configuration_error);
  }
}

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> result;
  for (const auto& volume : plan.volumes)
    result.push_back(volume.destination + (volume.reusable ? " reusable " : " temporary ") +
                     volume.name);
  return result;
}

/// Storage id of the fixture's token, project 1234 and slot 2.
const std::string h = storage_id("theToken", "some-system-id", 1234, 2);
const std::string r = "runner-thetoken-project-1234-concurrent-2-0123456789abcdef";
const std::string builds_md5 = "c33bcaa1fd2c77edfc3893b41966cea8";
const std::string cache_md5 = "3c3f060a0374fc8bc39395164f415a70";

json strategy(const char* value) {
  return {{"+variables", {{{"key", "GIT_STRATEGY"}, {"value", value}}}}};
}

TEST(Volumes, E34_BuildsDirectoryIsKeptOnlyForFetch) {
  EXPECT_THAT(names(plan_of(strategy("fetch"))),
              ElementsAre("/builds reusable " + h + "-cache-" + builds_md5));
  for (const auto* other : {"clone", "none", "empty"})
    EXPECT_THAT(names(plan_of(strategy(other))),
                ElementsAre("/builds temporary " + r + "-cache-" + builds_md5))
        << other;
}

TEST(Volumes, DestinationOnlyEntriesAreManaged) {
  const auto plan = plan_of(strategy("fetch"), "volumes = [\"/cache\"]");
  EXPECT_THAT(names(plan), ElementsAre("/cache reusable " + h + "-cache-" + cache_md5,
                                       "/builds reusable " + h + "-cache-" + builds_md5));
  EXPECT_THAT(plan.directories,
              ElementsAre("/cache", "/builds", "/builds/group/app", "/builds/group/app.tmp"));
  EXPECT_THAT(plan.build.binds, IsEmpty());
  ASSERT_EQ(plan.build.mounts.size(), 2u);
  const auto& labels = plan.build.mounts[0].labels;
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.type"), "cache");
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.destination"), "/cache");
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.reusable"), "true");
  EXPECT_EQ(labels.at("com.gitlab.gitlab-runner.protected"), "false");
  EXPECT_EQ(labels.at("io.slipway.state"), "00112233445566ff");
}

TEST(Volumes, E34_DisableCacheMakesThemTemporary) {
  for (const auto* more : {"", "cache_dir = \"/var/cache\"\n"})
    EXPECT_THAT(names(plan_of(strategy("fetch"),
                              std::string{more} + "disable_cache = true\nvolumes = [\"/cache\"]")),
                ElementsAre("/cache temporary " + r + "-cache-" + cache_md5,
                            "/builds temporary " + r + "-cache-" + builds_md5));
}

TEST(Volumes, E35_CacheDirMakesThemHostDirectories) {
  const auto fetch =
      plan_of(strategy("fetch"), "cache_dir = \"/var/cache/\"\nvolumes = [\"/cache\"]");
  EXPECT_THAT(fetch.volumes, IsEmpty());
  EXPECT_THAT(fetch.directories, IsEmpty());
  EXPECT_THAT(fetch.build.binds, ElementsAre("/var/cache/" + h + "/" + cache_md5 + ":/cache",
                                             "/var/cache/" + h + "/" + builds_md5 + ":/builds"));
  const auto clone = plan_of(strategy("clone"), "cache_dir = \"/var/cache\"");
  EXPECT_THAT(clone.build.binds, IsEmpty());
  EXPECT_THAT(names(clone), ElementsAre("/builds temporary " + r + "-cache-" + builds_md5));
}

struct ProtectedCase {
  json changes;
  bool is_protected;
};

TEST(Volumes, E34_AProtectedRefHasItsOwn) {
  const auto git = [](const json& flag) {
    auto info = payload().at("git_info");
    if (flag.is_null())
      info.erase("protected");
    else
      info["protected"] = flag;
    return info;
  };
  const auto ref_variable = [](const char* value) {
    return json::array({{{"key", "CI_COMMIT_REF_PROTECTED"}, {"value", value}},
                        {{"key", "CI_COMMIT_REF_PROTECTED"}, {"value", "true"}}});
  };
  const auto cache = [](const char* key) { return json::array({{{"key", key}}}); };
  const ProtectedCase cases[] = {
      {{{"git_info", git(true)}}, true},
      {{{"git_info", git(false)}, {"+variables", ref_variable("true")}}, false},
      {{{"git_info", git(nullptr)}, {"+variables", ref_variable("true")}}, true},
      {{{"git_info", git(nullptr)}, {"+variables", ref_variable("false")}}, false},
      {{{"git_info", git(nullptr)}}, false},
      {{{"git_info", git(false)}, {"cache", cache("main-protected")}}, true},
      {{{"git_info", git(true)}, {"cache", cache("main-non_protected")}}, true},
      {{{"git_info", git(false)}, {"cache", cache("main-non_protected")}}, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.changes.dump());
    const auto plan = plan_of(c.changes, "volumes = [\"/cache\"]");
    const auto* suffix = c.is_protected ? "-protected" : "";
    EXPECT_THAT(names(plan),
                ElementsAre("/cache reusable " + h + "-cache-" + cache_md5 + suffix,
                            "/builds temporary " + r + "-cache-" + builds_md5 + suffix));
    EXPECT_EQ(plan.build.mounts[0].labels.at("com.gitlab.gitlab-runner.protected"),
              c.is_protected ? "true" : "false");
    const auto host = plan_of(c.changes, "cache_dir = \"/v\"\nvolumes = [\"/cache\"]");
    EXPECT_THAT(host.build.binds, ElementsAre("/v/" + h + "/" + cache_md5 + suffix + ":/cache"));
  }
}

TEST(Volumes, TheUsersDefinitionOfTheBuildsDirectoryWins) {
  for (const auto* entry : {"/builds", "/builds/"})
    EXPECT_THAT(
        names(plan_of(strategy("clone"), std::string{"volumes = [\""} + entry + "\"]")),
        ElementsAre(std::string{entry} + " reusable " + h + "-cache-" + digest_hex("MD5", entry)));
  const auto shared = plan_of(strategy("fetch"), "volumes = [\"/srv:/builds:rw\"]");
  EXPECT_THAT(shared.volumes, IsEmpty());
  EXPECT_THAT(shared.directories, IsEmpty());
  EXPECT_THAT(shared.build.binds, ElementsAre("/srv:/builds:rw"));
}

TEST(Volumes, E32_OnlyDestinationsAreExpanded) {
  const json changes{{"+variables", {{{"key", "CI_PROJECT_PATH"}, {"value", "group/app"}}}}};
  const auto plan = plan_of(changes,
                            "volumes = [\"/x/$CI_PROJECT_PATH\", "
                            "\"/host/$CI_PROJECT_PATH:/y/${CI_PROJECT_PATH}:ro\", \"/z$\"]");
  EXPECT_EQ(plan.volumes[0].destination, "/x/group/app");
  EXPECT_EQ(plan.volumes[1].destination, "/z$");
  EXPECT_THAT(plan.build.binds, ElementsAre("/host/$CI_PROJECT_PATH:/y/group/app:ro"));
}

TEST(Volumes, AVariableCannotBecomeMountOptions) {
  const json changes{{"+variables", {{{"key", "X"}, {"value", "a:rw"}}}}};
  EXPECT_EQ(refusal(changes, "volumes = [\"/host:/y/$X\"]").text,
            "invalid volume specification: \"/host:/y/$X\"");
}

TEST(Volumes, E32_DoubledAndRootDestinationsAreRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(["/c", "/c"])", "volume for container path \"/c\" is already defined"},
      {R"(["/c", "/c/"])", "volume for container path \"/c\" is already defined"},
      {R"(["/c", "/host:/x/../c:ro"])", "volume for container path \"/c\" is already defined"},
      {R"(["/builds/", "/builds"])", "volume for container path \"/builds\" is already defined"},
      {R"(["/"])", "build directory needs to be a non-root path"},
      {R"(["/host:/x/.."])", "build directory needs to be a non-root path"},
  };
  for (const auto& [volumes, want] : cases) {
    SCOPED_TRACE(volumes);
    const auto refused = refusal({}, "volumes = " + volumes);
    EXPECT_EQ(refused.text, want);
    EXPECT_EQ(refused.reason, job::FailureReason::runner_system_failure);
  }
}

TEST(Volumes, DriverAndItsOptionsAreOfEveryManagedVolume) {
  const auto plan = plan_of({},
                            "volumes = [\"/cache\"]\nvolume_driver = \"local\"\n"
                            "[runners.docker.volume_driver_ops]\ntype = \"tmpfs\"");
  for (const auto& mount : plan.build.mounts) {
    EXPECT_EQ(mount.driver, "local");
    EXPECT_EQ(mount.driver_options.at("type"), "tmpfs");
  }
}

TEST(Volumes, E36_KeepIsForAnonymousOnes) {
  EXPECT_FALSE(plan_of({}).keep_anonymous_volumes);
  EXPECT_TRUE(plan_of({}, "volume_keep = true").keep_anonymous_volumes);
}

TEST(Paths, SameOrParent) {
  EXPECT_TRUE(is_same_or_parent("/builds", "/builds"));
  EXPECT_TRUE(is_same_or_parent("/builds/", "/builds/x"));
  EXPECT_TRUE(is_same_or_parent("/", "/builds"));
  EXPECT_FALSE(is_same_or_parent("/builds", "/buildsx"));
  EXPECT_FALSE(is_same_or_parent("/builds/x", "/builds"));
  EXPECT_EQ(clean_path("/a/./b//c/../d/"), "/a/b/d");
  EXPECT_EQ(clean_path("/.."), "/");
}

}  // namespace
}  // namespace slipway::executors::docker
