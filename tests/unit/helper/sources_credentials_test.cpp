#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "helper/sources/git_config.hpp"
#include "job/git_urls.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SourceCredentials : public SourcesTest {
 protected:
  /// FF_GIT_URLS_WITHOUT_TOKENS: the token is in the environment alone.
  job::GetSourcesParameters without_tokens(const std::string& sha) const {
    auto result = parameters(sha);
    result.url_rules.clear();
    result.credential_origins = {job::url_origin(result.remote_url)};
    result.variables = {{"CI_JOB_TOKEN", token}};
    return result;
  }
  job::GetSourcesParameters over_tls(const std::string& sha) const {
    auto result = parameters(sha);
    result.remote_url = url("project", true);
    add_credentials(result, token);
    result.tls_origins = {job::url_origin(result.remote_url)};
    return result;
  }
  void expect_no_token(const fs::path& directory) const {
    for (const auto& entry : fs::recursive_directory_iterator{directory})
      if (entry.is_regular_file()) {
        EXPECT_THAT(read_file(entry.path()), Not(HasSubstr(token))) << entry.path();
      }
  }
};

TEST_F(SourceCredentials, Case37NoTokenInAFreshClonesConfiguration) {
  const auto wanted = parameters(commit("a", "1"));
  ASSERT_EQ(get_sources(wanted).code, 0);
  expect_no_token(project_);
  EXPECT_EQ(git(project_, {"config", "-f", (project_ / ".git" / "config").string(), "--get",
                           "remote.origin.url"}),
            wanted.remote_url);
  EXPECT_THAT(wanted.remote_url, Not(HasSubstr("@")));
}

TEST_F(SourceCredentials, APrivateAuthorityComesAsAFileVariable) {
  auto wanted = over_tls(commit("a", "1"));
  auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 128);
  EXPECT_THAT(result.err, HasSubstr("certificate"));

  const auto file = temp_ / "CI_SERVER_TLS_CA_FILE";
  wanted.files = {{"CI_SERVER_TLS_CA_FILE", certificate_authority()}};
  wanted.ca_file = file.string();
  wanted.pre_script = "git ls-remote http" + std::string{"s://gitlab-ci-token:"} + token + "@" +
                      wanted.remote_url.substr(8) + " HEAD\n";
  result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  // A hook's git trusts it as well.
  EXPECT_THAT(result.out, ::testing::StartsWith(wanted.sha + "\tHEAD\n"));
  EXPECT_EQ(head(), wanted.sha);
  EXPECT_EQ(read_file(file), certificate_authority());
  git(project_, {"fetch", "-q", "origin"});

  // On a machine that others use, too, the user's configuration stays as it is.
  fs::remove(home_ / ".gitconfig");
  wanted.global_tls = false;
  wanted.pre_script = "";
  EXPECT_EQ(get_sources(wanted).code, 0);
  EXPECT_THAT(read_file(home_ / ".gitconfig"), Not(HasSubstr("sslCAInfo")));
}

TEST_F(SourceCredentials, Case23FileVariablesAreExactInEveryStageAndGoneAfterwards) {
  auto wanted = parameters(commit("a", "1"));
  const std::string content = "no newline\r\n\t\"$HOME\" \\ at the end";
  wanted.files = {{"KEY", "an earlier one"}, {"KEY", content}, {"EMPTY", ""}};
  const auto victim = root_ / "victim";
  write_file(victim, "kept");
  fs::create_directories(temp_);
  fs::create_symlink(victim, temp_ / "KEY");
  wanted.post_script = "printf changed > '" + (temp_ / "KEY").string() + "'\n";
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_EQ(read_file(temp_ / "KEY"), "changed");
  wanted.post_script = "";
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_EQ(read_file(temp_ / "KEY"), content);
  EXPECT_TRUE(fs::exists(temp_ / "EMPTY"));
  EXPECT_EQ(read_file(victim), "kept");
  // The build container's user, another one, writes it anew.
  struct stat status {};
  ASSERT_EQ(::stat((temp_ / "KEY").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);

  const nlohmann::json cleanup{{"temp_dir", temp_.string()},
                               {"project_dir", project_.string()},
                               {"file_variables", {"KEY", "EMPTY"}}};
  ASSERT_EQ(run_stage("cleanup_file_variables", cleanup, home_).code, 0);
  EXPECT_FALSE(fs::exists(temp_ / "KEY"));
  EXPECT_FALSE(fs::exists(temp_ / "EMPTY"));

  wanted.files = {{"../KEY", content}};
  EXPECT_EQ(get_sources(wanted).code, 1);
}

TEST_F(SourceCredentials, WithoutTokensInUrlsNoFileHoldsOne) {
  write_file(home_ / ".gitconfig", "[user]\n\tname = own\n");
  auto wanted = without_tokens(commit("a", "1"));
  wanted.post_script = "git config --get user.name\ngit fetch -q origin && echo fetched\n";
  auto result = get_sources(wanted);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::EndsWith("own\nfetched\n"));
  EXPECT_EQ(head(), wanted.sha);
  expect_no_token(root_ / "builds dir");
  expect_no_token(home_);
  EXPECT_EQ(read_file(temp_ / ".glr.gconf"),
            global_seed(home_.string(), (temp_ / ".gitlab-runner.ext.conf").string()));

  wanted.variables.clear();
  result = get_sources(wanted);
  EXPECT_EQ(result.code, 128);
}

TEST_F(SourceCredentials, WithoutTokensInUrlsAJobsScriptCanCloneEvenWithoutSources) {
  commit("a", "1");
  auto wanted = without_tokens("");
  wanted.strategy = "none";
  ASSERT_EQ(get_sources(wanted).code, 0);
  const auto environment = "CI_JOB_TOKEN='" + std::string{token} + "' GIT_CONFIG_GLOBAL='" +
                           (temp_ / ".glr.gconf").string() + "' ";
  const auto clone =
      environment + "git clone -q '" + wanted.remote_url + "' '" + (root_ / "clone").string() + "'";
  EXPECT_EQ(std::system(clone.c_str()), 0);
  EXPECT_EQ(read_file(root_ / "clone" / "a"), "1");
}

TEST_F(SourceCredentials, NoHelperKeepsTheToken) {
  write_file(home_ / ".gitconfig",
             "[credential]\n\thelper = store --file '" + (home_ / "kept").string() + "'\n");
  auto wanted = parameters(commit("a", "1"));
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_THAT(read_file(home_ / "kept"), Not(HasSubstr(token)));

  const auto origin = job::url_origin(wanted.remote_url);
  const auto line = "http://gitlab-ci-token:old@" + origin.substr(7) + "\n";
  write_file(home_ / "kept", line + "http://other:secret@example.com\n");
  const nlohmann::json cleanup{{"temp_dir", temp_.string()},
                               {"project_dir", project_.string()},
                               {"remote_url", wanted.remote_url}};
  ASSERT_EQ(run_stage("cleanup_file_variables", cleanup, home_).code, 0);
  EXPECT_EQ(read_file(home_ / "kept"), "http://other:secret@example.com\n");
}

TEST_F(SourceCredentials, FlagsReachGit) {
  auto wanted = parameters(commit("a", "1"));
  wanted.proactive_auth = true;
  wanted.bundle_uris = false;
  ASSERT_EQ(get_sources(wanted).code, 0);
  EXPECT_THAT(read_file(temp_ / ".gitlab-runner.ext.conf"), Not(HasSubstr("bundleURI")));
  // git before 2.46 ignores the setting; what counts is that it is given as one.
  wanted.fetch_flags = {"--no-such-flag"};
  EXPECT_EQ(get_sources(wanted).code, 129);
}

TEST_F(SourceCredentials, ManyAndLargeVariablesDoNotStopGit) {
  auto wanted = parameters(commit("a", "1"));
  wanted.variables.emplace_back("HUGE", std::string(200'000, 'x'));
  for (int i = 0; i < 10'000; ++i)
    wanted.variables.emplace_back("V" + std::to_string(i), std::string(100, 'v'));
  const auto result = get_sources(wanted);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("The variable HUGE is too large to be passed to git"));
  EXPECT_EQ(head(), wanted.sha);
}

}  // namespace
}  // namespace slipway::helper
