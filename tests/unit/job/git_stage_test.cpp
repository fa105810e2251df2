#include "job/git_stage.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::job {
namespace {

using nlohmann::json;

TEST(GitStage, GetSourcesSurvivesTheTrip) {
  GetSourcesParameters sent;
  sent.strategy = "clone";
  sent.remote_url = "http://host/a.git";
  sent.url_rules = {{"http://u:p@host/", "http://host/"}};
  sent.credential_origins = {"http://host"};
  sent.builds_dir = "/builds";
  sent.cache_dir = "/cache";
  sent.native_clone = true;
  sent.clone_flags = {"--no-tags"};
  sent.submodule_strategy = "recursive";
  sent.submodule_paths = {":(exclude)x"};
  sent.submodule_depth = 3;
  sent.submodule_update_flags = {"--remote"};
  sent.lfs = false;
  sent.global_tls = false;
  sent.bundle_uris = false;
  sent.proactive_auth = true;
  sent.tls_origins = {"https://host"};
  sent.certificate_file = "/c.pem";
  sent.key_file = "/k.pem";
  sent.files = {{"KEY", "line\n"}};
  sent.project_dir = "/builds/a";
  sent.temp_dir = "/builds/a.tmp";
  sent.ref = "main";
  sent.sha = "9b1deb4d";
  sent.object_format = "sha256";
  sent.refspecs = {"+refs/heads/main:refs/remotes/origin/main"};
  sent.depth = 20;
  sent.checkout = false;
  sent.clean_flags = {};
  sent.fetch_flags = {"--tags"};
  sent.safe_directory = false;
  sent.clean_git_config = false;
  sent.user_agent = "slipway 1";
  sent.correlation_id = "01J";
  sent.ca_file = "/ca.pem";
  sent.variables = {{"A", "1"}, {"A", "2"}, {"B", "line\nline"}};
  sent.pre_script = "echo a";
  sent.post_script = "echo b";
  const auto got = json::parse(json(sent).dump()).get<GetSourcesParameters>();
  EXPECT_EQ(json(got), json(sent));
  EXPECT_EQ(got.variables, sent.variables);
  EXPECT_EQ(got.url_rules, sent.url_rules);
  EXPECT_EQ(got.files, sent.files);
  EXPECT_EQ(got.submodule_strategy, "recursive");
  EXPECT_TRUE(got.clean_flags.empty());
  EXPECT_EQ(got.depth, 20);
  EXPECT_FALSE(got.checkout);
}

TEST(GitStage, MissingMembersLeaveTheDefaults) {
  const auto got = json::object().get<GetSourcesParameters>();
  EXPECT_EQ(json(got), json(GetSourcesParameters{}));
  EXPECT_EQ(got.strategy, "fetch");
  EXPECT_EQ(json::object().get<ServiceHealthParameters>().timeout_seconds, 30);
  EXPECT_TRUE(json::object().get<ServiceHealthResult>().errors.empty());
}

TEST(GitStage, WrongKindThrowsWithoutTheValue) {
  try {
    json{{"remote_url", 5}, {"depth", "hunter2"}}.get<GetSourcesParameters>();
    FAIL() << "accepted";
  } catch (const json::exception& error) {
    EXPECT_EQ(std::string{error.what()}.find("hunter2"), std::string::npos);
  }
  EXPECT_THROW(json::array({1}).get<ServiceHealthParameters>(), json::exception);
}

TEST(GitStage, ServiceHealthSurvivesTheTrip) {
  ServiceHealthParameters sent;
  ServiceCheck check;
  check.name = "docker:dind";
  check.addresses = {"172.17.0.3", "fd00::3"};
  check.ports = {2375, 2376};
  check.dind = check.dind_tls = true;
  check.cert_dir = "/certs/client";
  check.unix_socket = "/run/docker.sock";
  sent.services = {check, ServiceCheck{}};
  sent.timeout_seconds = 7;
  const auto got = json::parse(json(sent).dump()).get<ServiceHealthParameters>();
  EXPECT_EQ(json(got), json(sent));
  ASSERT_EQ(got.services.size(), 2u);
  EXPECT_EQ(got.services[0].ports, check.ports);
  const ServiceHealthResult result{{"", "no answer"}};
  EXPECT_EQ(json(result).get<ServiceHealthResult>().errors, result.errors);
}

}  // namespace
}  // namespace slipway::job
