#include "local/payload.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "local/placeholders.hpp"
#include "support.hpp"

namespace slipway::local {
namespace {

/// The last variable of that key.
json variable(const json& payload, const std::string& key) {
  json found;
  for (const auto& entry : payload.at("variables"))
    if (entry.at("key") == key) found = entry;
  return found;
}

class PayloadTest : public CoordinatorTest {};

TEST_F(PayloadTest, AJobIsWhatTheRunnerGets) {
  run<PayloadTest>([](PayloadTest& t) -> asio::awaitable<void> {
    t.gitlab.set_external_url("http://172.17.0.1:8929");
    t.gitlab.add_runner(util::Secret{"glrt-one"}, {"tls-docker-runner"});
    const auto id = t.gitlab.enqueue(JobBuilder{}
                                         .name("build")
                                         .stage("build")
                                         .image("docker:24.0.5-cli")
                                         .service("docker:24.0.5-dind")
                                         .script({"docker info", "echo @JOB_TOKEN@"})
                                         .git("demo/dind-tls", "main", "0123456789abcdef")
                                         .tags({"tls-docker-runner"})
                                         .variable("DOCKER_CERT_PATH", "$DOCKER_TLS_CERTDIR/client")
                                         .masked_variable("API_KEY", "hunter2hunter2"));
    const auto reply = co_await t.request_job("glrt-one");
    const auto job = json::parse(reply.body);
    const auto token = t.job_token(id);
    EXPECT_EQ(job.at("id"), id);
    EXPECT_EQ(job.at("job_info").at("project_full_path"), "demo/dind-tls");
    const auto url = "http://gitlab-ci-token:" + token + "@172.17.0.1:8929/demo/dind-tls.git";
    EXPECT_EQ(job.at("git_info").at("repo_url"), url);
    EXPECT_EQ(
        job.at("git_info").at("refspecs"),
        json({"+refs/pipelines/1:refs/pipelines/1", "+refs/heads/main:refs/remotes/origin/main"}));
    EXPECT_EQ(job.at("services"), json::parse(R"([{"name":"docker:24.0.5-dind"}])"));
    EXPECT_EQ(job.at("image"), json::parse(R"({"name":"docker:24.0.5-cli"})"));
    // A script is the user's: nothing is replaced in it.
    EXPECT_EQ(job.at("steps").at(0).at("script").at(1), "echo @JOB_TOKEN@");

    const std::pair<const char*, std::string> values[] = {
        {"CI_JOB_ID", std::to_string(id)},
        {"CI_JOB_TOKEN", token},
        {"CI_JOB_URL", "http://172.17.0.1:8929/demo/dind-tls/-/jobs/" + std::to_string(id)},
        {"CI_PROJECT_NAME", "dind-tls"},
        {"CI_PROJECT_NAMESPACE", "demo"},
        {"CI_SERVER_HOST", "172.17.0.1"},
        {"CI_REPOSITORY_URL", url},
        {"CI_COMMIT_SHORT_SHA", "01234567"},
        {"CI_RUNNER_ID", "12345"},
        {"CI_RUNNER_TAGS", "[\"tls-docker-runner\"]"},
        {"DOCKER_CERT_PATH", "$DOCKER_TLS_CERTDIR/client"},
    };
    for (const auto& [key, want] : values) EXPECT_EQ(variable(job, key).at("value"), want) << key;
    EXPECT_TRUE(variable(job, "GIT_STRATEGY").is_null());
    for (const auto* key : {"CI_JOB_TOKEN", "CI_REPOSITORY_URL", "API_KEY"}) {
      EXPECT_EQ(variable(job, key).at("masked"), true);
      EXPECT_EQ(variable(job, key).at("public"), false);
    }
  });
}

TEST(JobBuilder, SettersFillTheirFields) {
  ServiceSpec redis;
  redis.name = "redis:7";
  redis.alias = "cache, kv";
  redis.command = {"redis-server"};
  redis.variables = {{"MODE", "fast"}};
  const json job = JobBuilder{}
                       .image("debian:12")
                       .image_entrypoint({""})
                       .image_pull_policy({"if-not-present"})
                       .image_user("1000")
                       .after_script({"echo bye"})
                       .service(redis)
                       .timeout(60)
                       .allow_git_fetch(false)
                       .trace_sections(false)
                       .failure_reasons({"script_failure"})
                       .artifacts({"out/"}, "logs", "always")
                       .dependency(7, "glcbt-dep", "compile", "artifacts.zip", 2048)
                       .hook("pre_get_sources_script", {"true"})
                       .field("unknown", {{"x", 1}})
                       .build();
  EXPECT_EQ(job.at("image"), json::parse(R"({"name":"debian:12","entrypoint":[""],
      "pull_policy":["if-not-present"],"executor_opts":{"docker":{"user":"1000"}}})"));
  EXPECT_EQ(job.at("steps").at(1).at("name"), "after_script");
  EXPECT_EQ(job.at("steps").at(1).at("when"), "always");
  EXPECT_EQ(job.at("services").at(0).at("variables").at(0).at("key"), "MODE");
  EXPECT_EQ(job.at("services").at(0).at("alias"), "cache, kv");
  EXPECT_EQ(job.at("runner_info").at("timeout"), 60);
  EXPECT_EQ(job.at("allow_git_fetch"), false);
  EXPECT_EQ(job.at("features").at("trace_sections"), false);
  EXPECT_EQ(job.at("features").at("failure_reasons"), json({"script_failure"}));
  EXPECT_EQ(job.at("artifacts").at(0).at("when"), "always");
  EXPECT_EQ(job.at("dependencies").at(0).at("artifacts_file").at("size"), 2048);
  EXPECT_EQ(job.at("hooks").at(0).at("name"), "pre_get_sources_script");
  EXPECT_EQ(job.at("unknown").at("x"), 1);
  EXPECT_EQ(variable(job, "GIT_STRATEGY").at("value"), "none");
  EXPECT_FALSE(job.contains("id"));
  EXPECT_FALSE(job.contains("x_tags"));
}

TEST(FillTemplate, ReplacesAndEscapes) {
  const auto filled = fill_template(
      R"({"url":"http://x:@TOKEN@@@HOST@/a","mail":"a@b.c","sha":"@SHA8@","later":"@JOB_ID@"})",
      {{"TOKEN", "t\"k"}, {"HOST", "h:1"}, {"SHA8", "0123"}});
  EXPECT_EQ(filled.at("url"), "http://x:t\"k@h:1/a");
  EXPECT_EQ(filled.at("mail"), "a@b.c");
  EXPECT_EQ(filled.at("sha"), "0123");
  EXPECT_EQ(filled.at("later"), "@JOB_ID@");
  EXPECT_THROW(fill_template(R"({"a":"@MISSING@"})", {}), std::invalid_argument);
  EXPECT_THROW(fill_template("{", {}), json::parse_error);
}

TEST(Placeholders, AValueThatLooksLikeOneIsNotReplacedForEver) {
  json payload{{"variables", {{{"value", "@A@"}}}}, {"steps", {"@A@"}}};
  fill_placeholders(payload, {{"@A@", "x@A@x"}});
  EXPECT_EQ(payload.at("variables").at(0).at("value"), "x@A@x");
  EXPECT_EQ(payload.at("steps").at(0), "@A@");
}

}  // namespace
}  // namespace slipway::local
