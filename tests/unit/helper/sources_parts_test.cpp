#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "helper/sources/files.hpp"
#include "helper/sources/git_config.hpp"
#include "helper/sources/outer_config.hpp"
#include "helper/sources/ownership.hpp"
#include "helper/sources/process.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SourcesParts : public SourcesDirectory {
 protected:
  /// What git itself reads from a file with `text`.
  std::string git_reads(const std::string& text, const std::string& key) {
    const auto path = root_ / "config";
    write_file(path, text);
    const auto out = root_ / "out";
    Command command;
    command.arguments = {"sh",        "-c",          "git config -f \"$1\" --get \"$2\" > \"$3\"",
                         "sh",        path.string(), key,
                         out.string()};
    EXPECT_EQ(run(command, Environment::inherited()), 0);
    auto value = read_file(out);
    EXPECT_TRUE(value.ends_with('\n'));
    return value.substr(0, value.size() - 1);
  }
  StageResult cleanup(const nlohmann::json& more) {
    nlohmann::json wanted{{"temp_dir", (root_ / "tmp").string()},
                          {"project_dir", (root_ / "project").string()}};
    wanted.update(more);
    return run_stage("cleanup_file_variables", wanted, root_);
  }
};

TEST_F(SourcesParts, GitReadsBackWhatIsEscaped) {
  for (const std::string value :
       {"plain", "with space", "\"quoted\"", "back\\slash", "a;b#c", "line\nbreak", "\ttab\b",
        " edges ", "\xc3\xa4", "/b/$(id) 'x'"}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(git_reads(section_header("a") + assignment("key", value), "a.key"), value);
  }
  for (const std::string name : {"http://h/x", "q\"u\\o", "a b.c", "it's"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(git_reads(section_header("a", name) + assignment("key", "1"), "a." + name + ".key"),
              "1");
  }
}

TEST_F(SourcesParts, RefusesWhatGitCannotRepresent) {
  EXPECT_THROW(section_header("url", "http://h/\n[core]"), StageFailure);
  EXPECT_THROW(section_header("url", std::string{"a\0b", 3}), StageFailure);
  EXPECT_THROW(assignment("key", std::string{"a\0b", 3}), StageFailure);
}

TEST(SourcesConfig, HoldsWhatTheParametersSay) {
  job::GetSourcesParameters parameters;
  parameters.url_rules = {{"https://u:tok@git.example/", "https://git.example/"}};
  parameters.tls_origins = {"https://git.example"};
  parameters.ca_file = "/b/x.tmp/CA";
  const auto text = external_config(parameters);
  EXPECT_THAT(text, HasSubstr("[url \"https://u:tok@git.example/\"]\n"
                              "\tinsteadOf = \"https://git.example/\"\n"));
  EXPECT_THAT(text, HasSubstr("[http \"https://git.example\"]\n\tsslCAInfo = \"/b/x.tmp/CA\"\n"));
  EXPECT_THAT(text, HasSubstr("[transfer]\n\tbundleURI = \"true\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("sslCert")));

  parameters = {};
  parameters.bundle_uris = false;
  parameters.tls_origins = {"https://git.example"};
  EXPECT_EQ(external_config(parameters), "");
  parameters.ca_file = "a";
  parameters.certificate_file = "c";
  parameters.key_file = "k";
  EXPECT_EQ(external_config(parameters),
            "[http \"https://git.example\"]\n\tsslCAInfo = \"a\"\n\tsslCert = \"c\"\n"
            "\tsslKey = \"k\"\n");
}

TEST_F(SourcesParts, TreesAreRemovedWithoutFollowingLinks) {
  const auto victim = root_ / "victim";
  write_file(victim / "kept", "x");
  const auto tree = root_ / "tree";
  write_file(tree / "locked" / "deep" / "file", "x");
  fs::create_directory_symlink(victim, tree / "link");
  fs::permissions(tree / "locked" / "deep", fs::perms::none);
  fs::permissions(tree / "locked", fs::perms::none);
  remove_tree(tree);
  EXPECT_FALSE(fs::exists(fs::symlink_status(tree)));
  fs::create_directory_symlink(victim, tree);
  remove_tree(tree);
  EXPECT_FALSE(fs::exists(fs::symlink_status(tree)));
  EXPECT_TRUE(fs::exists(victim / "kept"));
  remove_tree(root_ / "nothing");
}

TEST_F(SourcesParts, FreshFilesArePrivateUnlessTheUmaskIsZero) {
  const auto mode = [&](mode_t mask) {
    const auto old = ::umask(mask);
    write_fresh_file(root_ / "file", "text");
    ::umask(old);
    struct stat status {};
    EXPECT_EQ(::stat((root_ / "file").c_str(), &status), 0);
    return status.st_mode & 07777;
  };
  EXPECT_EQ(mode(022), 0600u);
  EXPECT_EQ(mode(0), 0644u);
}

TEST_F(SourcesParts, EnvironmentsReplaceAndFind) {
  auto environment = Environment::inherited();
  environment.set("SLIPWAY_A", "1");
  environment.set("SLIPWAY_AB", "2");
  environment.set("SLIPWAY_A", "3=4");
  EXPECT_EQ(environment.find("SLIPWAY_A"), "3=4");
  EXPECT_EQ(environment.find("SLIPWAY_AB"), "2");
  EXPECT_EQ(environment.find("SLIPWAY"), std::nullopt);
  EXPECT_EQ(::getenv("SLIPWAY_A"), nullptr);
}

TEST_F(SourcesParts, ProgramsGetTheirInputAndReportTheirEnd) {
  const auto environment = Environment::inherited();
  Command command;
  command.arguments = {"sh"};
  command.directory = root_.string();
  // More than a pipe holds.
  command.input = ": " + std::string(300'000, 'x') + "\npwd > here; cat > rest; exit 5\n";
  EXPECT_EQ(run(command, environment), 5);
  EXPECT_EQ(read_file(root_ / "here"), root_.string() + "\n");
  command.input = "kill -TERM $$";
  EXPECT_EQ(run(command, environment), 143);
  command.arguments = {"no-such-program"};
  EXPECT_THROW(run(command, environment), StageFailure);
  auto bare = environment;
  bare.set("PATH", "::relative-nothing");
  command.arguments = {"sh"};
  EXPECT_THROW(run(command, bare), StageFailure);
}

TEST_F(SourcesParts, PrepareSaysWhereAndRemovesTheOldEnvironment) {
  const auto temp = root_ / "tmp";
  write_file(temp / "gitlab_runner_env", "A=1\n");
  write_file(temp / "masking.db", "x");
  write_file(temp / "kept", "x");
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  auto result = run_stage("prepare_script", {{"temp_dir", temp.string()}, {"via", "box"}}, root_);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "Running on " + std::string{host} + " via box...\n");
  EXPECT_FALSE(fs::exists(temp / "gitlab_runner_env"));
  EXPECT_FALSE(fs::exists(temp / "masking.db"));
  EXPECT_TRUE(fs::exists(temp / "kept"));
  const auto own = root_ / "builds" / "own.tmp";
  result = run_stage("prepare_script", {{"temp_dir", own.string()}, {"private_temp", true}}, root_);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(fs::status(own).permissions(), fs::perms::owner_all);
  const auto elsewhere = root_ / "elsewhere";
  fs::create_directories(elsewhere);
  fs::remove(own);
  fs::create_symlink(elsewhere, own);
  run_stage("prepare_script", {{"temp_dir", own.string()}, {"private_temp", true}}, root_);
  EXPECT_FALSE(fs::is_symlink(own));
  result = run_stage("prepare_script", {{"temp_dir", "/proc/none/x.tmp"}, {"private_temp", true}},
                     root_);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("must be able to write to `builds_dir`"));
  result = run_stage("prepare_script", {{"temp_dir", (root_ / "none").string()}}, root_);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "Running on " + std::string{host} + "...\n");
}

TEST_F(SourcesParts, CleanupRemovesWhatHoldsSecrets) {
  const auto temp = root_ / "tmp";
  for (const auto* name : {"gitlab_runner_env", "masking.db", ".gitlab-runner.ext.conf",
                           ".glr.gconf", "DEPLOY_KEY", "kept"})
    write_file(temp / name, "x");
  write_file(root_ / "outside", "x");
  write_file(root_ / "builds" / ".gitlab-build-uid-gid", "0:0");
  write_file(root_ / "project" / ".git" / "config", "x");
  const auto result = cleanup({{"file_variables", {"DEPLOY_KEY", "../outside", "..", ""}},
                               {"builds_dir", (root_ / "builds").string()}});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator{temp})
    left.push_back(entry.path().filename().string());
  EXPECT_THAT(left, ::testing::ElementsAre("kept"));
  EXPECT_TRUE(fs::exists(root_ / "outside"));
  EXPECT_TRUE(fs::is_empty(root_ / "builds"));
  EXPECT_FALSE(fs::exists(root_ / "project" / ".git" / "config"));
}

TEST_F(SourcesParts, CleanupDoesNotFollowLinks) {
  const auto victim = root_ / "victim";
  write_file(victim / "masking.db", "x");
  write_file(victim / "git-template" / "config", "x");
  write_file(victim / ".git" / "config", "x");
  fs::create_directory_symlink(victim, root_ / "tmp");
  fs::create_directory_symlink(victim, root_ / "project");
  EXPECT_EQ(cleanup(nlohmann::json::object()).code, 0);
  EXPECT_TRUE(fs::exists(victim / "masking.db"));
  EXPECT_TRUE(fs::exists(victim / "git-template" / "config"));
  EXPECT_TRUE(fs::exists(victim / ".git" / "config"));
}

TEST_F(SourcesParts, TheEndOfAJobCleansItsDirectoryWhereWanted) {
  const auto project = root_ / "project";
  const auto run = [&](const std::string& strategy) {
    write_file(project / "left", "x");
    return cleanup({{"clean_directory", true}, {"strategy", strategy}, {"git_cleanup", false}});
  };
  EXPECT_EQ(run("none").out, "\033[32;1mSkipping build directory cleanup step\033[0;m\n");
  EXPECT_TRUE(fs::exists(project / "left"));
  for (const auto* strategy : {"clone", "empty"}) {
    EXPECT_EQ(run(strategy).code, 0) << strategy;
    EXPECT_FALSE(fs::exists(project)) << strategy;
  }
  // Without a repository git says so, and what holds secrets goes all the same.
  write_file(root_ / "tmp" / "masking.db", "x");
  EXPECT_EQ(run("fetch").code, 128);
  EXPECT_FALSE(fs::exists(root_ / "tmp" / "masking.db"));
}

TEST_F(SourcesParts, FilesAreGivenToTheUserThatIsNamed) {
  const auto builds = root_ / "builds";
  const auto cache = root_ / "cache";
  write_file(builds / "a" / "file", "x");
  write_file(cache / "file", "x");
  write_file(root_ / "outside", "x");
  fs::create_symlink(root_ / "outside", builds / "link");
  const auto owner = [](const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return std::pair{status.st_uid, status.st_gid};
  };
  const auto before = owner(root_ / "outside");
  const auto fix = [&] { fix_ownership(builds.string(), {builds.string(), cache.string(), ""}); };
  fix();
  for (const auto* text : {"", "1", "1:", ":1", "a:b", "1:2:3", "-1:5", "99999999999:1"}) {
    write_file(builds / ".gitlab-build-uid-gid", text);
    fix();
    EXPECT_EQ(owner(builds / "a" / "file"), before) << text;
  }
  // Only root may give files away.
  const auto wanted = ::geteuid() == 0 ? std::pair<uid_t, gid_t>{12345, 54321} : before;
  write_file(builds / ".gitlab-build-uid-gid",
             std::to_string(wanted.first) + ":" + std::to_string(wanted.second) + "\n");
  fix();
  for (const auto& path : {builds, builds / "a" / "file", builds / "link", cache / "file"})
    EXPECT_EQ(owner(path), wanted) << path;
  EXPECT_EQ(owner(root_ / "outside"), before);
}

TEST_F(SourcesParts, EnvironmentsAreMadeToFit) {
  Environment environment;
  environment.set("SMALL", "1");
  environment.set("LARGE", std::string(1000, 'x'));
  environment.set("LARGER", std::string(2000, 'x'));
  EXPECT_TRUE(environment.fit(5000, 5000).empty());
  EXPECT_THAT(environment.fit(5000, 1500), ::testing::ElementsAre("LARGER"));
  EXPECT_THAT(environment.fit(500, 5000), ::testing::ElementsAre("LARGE"));
  EXPECT_EQ(environment.find("SMALL"), "1");
  EXPECT_EQ(environment.find("LARGE"), std::nullopt);
  environment.set("SMALL", "2");
  EXPECT_THAT(environment.entries(), ::testing::ElementsAre("SMALL=2"));
}

TEST_F(SourcesParts, TheOuterConfigurationIsReadWithoutGit) {
  auto environment = Environment::inherited();
  for (const auto* name : {"GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME", "GIT_CONFIG_COUNT",
                           "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG"})
    environment.set(name, "");
  environment.set("HOME", root_.string());
  environment.set("GIT_CONFIG_SYSTEM", (root_ / "system").string());
  const auto mentions = [&] { return OuterConfig{environment}.may_mention("helper"); };
  EXPECT_FALSE(mentions());
  for (const auto* file : {".gitconfig", ".config/git/config", "system"}) {
    SCOPED_TRACE(file);
    write_file(root_ / file, "[credential]\n\tHelper = store\n");
    EXPECT_TRUE(mentions());
    write_file(root_ / file, "[Include]\n\tpath = x\n");
    EXPECT_TRUE(mentions());
    write_file(root_ / file, "[user]\n\tname = x\n");
    EXPECT_FALSE(mentions());
  }
  environment.set("GIT_CONFIG_COUNT", "1");
  environment.set("GIT_CONFIG_KEY_0", "credential.helper");
  EXPECT_TRUE(mentions());
  environment.set("GIT_CONFIG_COUNT", "");
  environment.set("GIT_CONFIG_PARAMETERS", "'x.y=z'");
  EXPECT_TRUE(mentions());
  environment.set("GIT_CONFIG_PARAMETERS", "");
  environment.set("GIT_CONFIG_SYSTEM", "");
  environment.set("PATH", "/nowhere");
  EXPECT_TRUE(mentions());
}

TEST_F(SourcesParts, BadParametersAreNotQuoted) {
  struct Case {
    const char* stage;
    nlohmann::json parameters;
    int code;
    const char* text;
  };
  const Case cases[] = {
      {"get_sources", {{"strategy", 5}, {"authenticated_url", "s3cret"}}, 2, "malformed"},
      {"clear_worktree", {{"project_dir", {"s3cret"}}}, 2, "malformed"},
      {"prepare_script", {{"temp_dir", "tmp"}}, 1, "not an absolute path"},
      {"conjure", {{"x", "s3cret"}}, 2, "does not know the stage 'conjure'"},
  };
  for (const auto& c : cases) {
    const auto result = run_stage(c.stage, c.parameters, root_);
    EXPECT_EQ(result.code, c.code) << c.stage;
    EXPECT_THAT(result.err, HasSubstr(c.text));
    EXPECT_THAT(result.err, Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace slipway::helper
