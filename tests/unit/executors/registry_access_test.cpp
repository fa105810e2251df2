#include "executors/docker/registry_access.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "job/failure.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::executors::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Log : JobLog {
  void write(job::LogStream, job::LogKind, std::string_view bytes) override { text += bytes; }
  void flush(job::LogStream) override {}
  void add_masked_value(std::string value) override { masked.push_back(std::move(value)); }
  std::string text;
  std::vector<std::string> masked;
};

class RegistryAccessTest : public testing::Test {
 protected:
  RegistryAccessTest() {
    char name[] = "/tmp/slipway-access-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = std::getenv("PATH");
    ::setenv("PATH", (directory_ + "/bin:" + path_).c_str(), 1);
    std::filesystem::create_directories(directory_ + "/bin");
    std::filesystem::create_directories(directory_ + "/home/.docker");
    plan.homes = {directory_ + "/home"};
  }
  ~RegistryAccessTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  void home_file(const std::string& name, const std::string& text) {
    std::ofstream{directory_ + "/home/" + name} << text;
  }
  /// A helper whose calls are counted.
  void helper(const std::string& name, const std::string& script) {
    const auto file = directory_ + "/bin/docker-credential-" + name;
    std::ofstream{file} << "#!/bin/sh\necho \"$1\" >>" << directory_ << "/calls\n" << script;
    ::chmod(file.c_str(), 0755);
  }
  std::vector<std::string> helper_calls() const {
    std::ifstream file{directory_ + "/calls"};
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  void payload(const std::string& url, const std::string& user, const std::string& password) {
    plan.credentials.push_back({"registry", url, user, util::Secret{password}});
  }
  std::string config() const { return directory_ + "/home/.docker/config.json"; }

  /// `user:password from source` for each image, "-" where there is nothing.
  std::vector<std::string> find(std::vector<std::string> images) {
    std::vector<std::string> found;
    const auto body = [&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      RegistryAccess access{executor, plan};
      for (const auto& image : images) {
        const auto credential = co_await access.find(image, log);
        if (!credential) {
          found.emplace_back("-");
          continue;
        }
        const auto& auth = credential->auth;
        found.push_back(fmt::format("{}:{}{} from {}", auth.username, auth.password.reveal(),
                                    auth.identity_token.reveal(), credential->source));
      }
    };
    tests::run_test(body);
    return found;
  }

  RegistryPlan plan;
  Log log;

 private:
  std::string directory_;
  std::string path_;
};

std::string auths(const std::string& registry, const std::string& user,
                  const std::string& password) {
  return fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", registry,
                     docker_api::encode_base64(user + ":" + password));
}

TEST_F(RegistryAccessTest, E20_TheFirstSourceThatKnowsAPathWins) {
  plan.auth_config = util::Secret{auths("reg.example.com", "one", "1")};
  home_file(".docker/config.json", auths("reg.example.com", "two", "2"));
  payload("reg.example.com", "three", "3");
  payload("other.example.com:5000", "four", "4");
  EXPECT_THAT(find({"reg.example.com/a", "other.example.com:5000/a/b:1", "nginx"}),
              ElementsAre("one:1 from $DOCKER_AUTH_CONFIG",
                          "four:4 from job payload (GitLab Registry)", "-"));
  plan.auth_config = {};
  EXPECT_THAT(find({"reg.example.com/a"}), ElementsAre("two:2 from " + config()));
}

TEST_F(RegistryAccessTest, E20_TheLongestPathWinsOverAllSources) {
  plan.auth_config = util::Secret{auths("reg.example.com", "host", "1")};
  home_file(".docker/config.json", auths("reg.example.com/group", "group", "2"));
  payload("reg.example.com/group/app", "app", "3");
  EXPECT_THAT(find({"reg.example.com/group/app:1", "reg.example.com/group/x/y",
                    "reg.example.com/groups/x"}),
              ElementsAre("app:3 from job payload (GitLab Registry)", "group:2 from " + config(),
                          "host:1 from $DOCKER_AUTH_CONFIG"));
}

TEST_F(RegistryAccessTest, E20_TheHubsAddressServesItsShortNames) {
  plan.auth_config = util::Secret{auths("https://index.docker.io/v1/", "hub", "1")};
  EXPECT_THAT(find({"nginx", "user/app:2", "docker.io/x", "quay.io/x"}),
              ElementsAre("hub:1 from $DOCKER_AUTH_CONFIG", "hub:1 from $DOCKER_AUTH_CONFIG",
                          "hub:1 from $DOCKER_AUTH_CONFIG", "-"));
}

TEST_F(RegistryAccessTest, TheOldFileIsReadWhereThereIsNoNewOne) {
  home_file(".dockercfg", auths("reg.example.com", "old", "1"));
  EXPECT_THAT(find({"reg.example.com/a"}),
              ElementsAre("old:1 from " + plan.homes[0] + "/.dockercfg"));
  home_file(".docker/config.json", "{}");
  EXPECT_THAT(find({"reg.example.com/a"}), ElementsAre("-"));
}

TEST_F(RegistryAccessTest, E20_BrokenJsonOnlyWarnsOnce) {
  plan.auth_config = util::Secret{R"({"auths": {"reg.example.com": {"auth": "s3cret")"};
  payload("reg.example.com", "three", "3");
  EXPECT_THAT(find({"reg.example.com/a", "reg.example.com/b"}),
              ElementsAre("three:3 from job payload (GitLab Registry)",
                          "three:3 from job payload (GitLab Registry)"));
  EXPECT_THAT(log.text, HasSubstr("WARNING: Failed to resolve credentials from "
                                  "$DOCKER_AUTH_CONFIG: the configuration is not valid JSON. "
                                  "Credentials from this source will not be used."));
  EXPECT_EQ(log.text.find("Failed"), log.text.rfind("Failed"));
  EXPECT_THAT(log.text, Not(HasSubstr("s3cret")));
}

TEST_F(RegistryAccessTest, ABrokenFileIsDroppedSilently) {
  home_file(".docker/config.json", "not JSON");
  payload("reg.example.com", "three", "3");
  EXPECT_THAT(find({"reg.example.com/a"}),
              ElementsAre("three:3 from job payload (GitLab Registry)"));
  EXPECT_EQ(log.text, "");
}

TEST_F(RegistryAccessTest, AHelperIsAskedOnceForWhatIsNeeded) {
  helper("test", R"(read url; echo "{\"Username\":\"$url\",\"Secret\":\"s\"}")");
  plan.auth_config =
      util::Secret{R"({"credHelpers": {"reg.example.com": "test", "other.example.com": "test"}})"};
  EXPECT_THAT(find({"reg.example.com/a", "reg.example.com/b"}),
              ElementsAre("reg.example.com:s from $DOCKER_AUTH_CONFIG",
                          "reg.example.com:s from $DOCKER_AUTH_CONFIG"));
  EXPECT_THAT(helper_calls(), ElementsAre("get"));
}

TEST_F(RegistryAccessTest, AStoreIsListedAndAskedAndKnowsTokens) {
  helper("test", R"([ "$1" = list ] && echo '{"https://reg.example.com/v2/":"u"}' && exit
read url; echo "{\"ServerURL\":\"$url\",\"Username\":\"<token>\",\"Secret\":\"s\"}")");
  home_file(".docker/config.json", R"({"credsStore": "test"})");
  EXPECT_THAT(find({"reg.example.com/a", "nginx"}), ElementsAre(":s from " + config(), "-"));
  EXPECT_THAT(helper_calls(), ElementsAre("list", "get"));
}

TEST_F(RegistryAccessTest, AHelperThatKnowsNothingLeavesItToTheNextSource) {
  helper("test", "echo 'credentials not found in native keychain'; exit 1");
  plan.auth_config = util::Secret{R"({"credHelpers": {"reg.example.com": "test"}})"};
  payload("reg.example.com", "three", "3");
  EXPECT_THAT(find({"reg.example.com/a"}),
              ElementsAre("three:3 from job payload (GitLab Registry)"));
  EXPECT_EQ(log.text, "");
}

TEST_F(RegistryAccessTest, AHelperThatFailsIsToldWithoutWhatItMayHaveLeaked) {
  const std::pair<const char*, const char*> cases[] = {
      {"echo 'the keychain is locked'; exit 2",
       "docker-credential-test get: exit code 2: the keychain is locked."},
      {R"(echo '{"Secret":"s3cret"}'; exit 1)", "docker-credential-test get: exit code 1."},
      {"echo s3cret", "docker-credential-test get: its answer is not valid JSON."},
      {"kill -9 $$", "docker-credential-test get: exit code 137."},
      {"yes s3cret | head -c 2000000",
       "docker-credential-test get: it wrote more than 1048576 bytes."},
  };
  for (const auto& [script, want] : cases) {
    helper("test", script);
    log.text.clear();
    plan.auth_config = util::Secret{R"({"credHelpers": {"reg.example.com": "test"}})"};
    EXPECT_THAT(find({"reg.example.com/a"}), ElementsAre("-"));
    EXPECT_THAT(log.text, HasSubstr(std::string{"from $DOCKER_AUTH_CONFIG: "} + want));
    EXPECT_THAT(log.text, Not(HasSubstr("s3cret")));
  }
  plan.auth_config = util::Secret{R"({"credsStore": "missing"})"};
  log.text.clear();
  EXPECT_THAT(find({"reg.example.com/a"}), ElementsAre("-"));
  EXPECT_THAT(log.text, HasSubstr("docker-credential-missing list: No such file or directory."));
}

TEST_F(RegistryAccessTest, ACancellationEndsTheHelperAndLeavesTheRest) {
  helper("test", "sleep 60");
  plan.auth_config = util::Secret{R"({"credHelpers": {"reg.example.com": "test"}})"};
  payload("other.example.com", "three", "3");
  const auto body = [&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RegistryAccess access{executor, plan};
    auto asking = [](RegistryAccess& at, Log& to) -> asio::awaitable<void> {
      co_await at.find("reg.example.com/a", to);
    }(access, log);
    auto pause = util::sleep_for(std::chrono::milliseconds{200});
    const auto first = co_await util::first_of(std::move(asking), std::move(pause));
    EXPECT_EQ(first, 1u);
    const auto other = co_await access.find("other.example.com/a", log);
    EXPECT_TRUE(other);
  };
  tests::run_test(body, std::chrono::seconds{5});
  EXPECT_THAT(helper_calls(), ElementsAre("get"));
  EXPECT_EQ(log.text, "");
}

TEST_F(RegistryAccessTest, E20_AHelperWithASlashFailsThePull) {
  payload("reg.example.com", "three", "3");
  const std::string evil = R"({"credHelpers": {"elsewhere.example.com": "../../bin/sh"}})";
  for (const bool in_file : {false, true}) {
    plan.auth_config = util::Secret{in_file ? "" : evil};
    home_file(".docker/config.json", in_file ? evil : "{}");
    try {
      find({"reg.example.com/a"});
      ADD_FAILURE() << "not refused";
    } catch (const job::Failure& failure) {
      EXPECT_THAT(failure.what(), HasSubstr("path traversal is not allowed"));
      EXPECT_EQ(failure.reason(), job::FailureReason::runner_configuration_error);
    }
  }
}

TEST_F(RegistryAccessTest, WhatIsUsedIsHidden) {
  docker_api::RegistryAuth auth;
  auth.username = "user";
  auth.password = util::Secret{"correct horse"};
  hide(auth, log);
  EXPECT_THAT(log.masked, ElementsAre("correct horse", "dXNlcjpjb3JyZWN0IGhvcnNl",
                                      docker_api::registry_auth_header(auth).reveal()));
  // A word of any log is not.
  log.masked.clear();
  auth.password = util::Secret{"test"};
  hide(auth, log);
  EXPECT_THAT(log.masked, Not(::testing::Contains("test")));
}

}  // namespace
}  // namespace slipway::executors::docker
