#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "job/job.hpp"

namespace slipway::job {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The documented example of a payload.
const char example[] = R"({"id":90125,"token":"glcbt-64_exampleJob","allow_git_fetch":true,
 "job_info":{"name":"unit","stage":"test","pipeline_id":771,"project_id":15,"project_name":"kite",
  "project_full_path":"acme/kite","time_in_queue_seconds":1.75,
  "project_jobs_running_on_instance_runners_count":"0"},
 "git_info":{"repo_url":"https://gitlab-ci-token:glcbt-64_exampleJob@git.example.org/acme/kite.git",
  "repo_object_format":"sha1","ref":"main","sha":"9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d0a1b2c3d",
  "before_sha":"0000000000000000000000000000000000000000","ref_type":"branch",
  "refspecs":["+refs/heads/main:refs/remotes/origin/main"],"depth":20,"protected":true},
 "runner_info":{"timeout":1800,"uuid":"b6a4"},
 "variables":[{"key":"CI_JOB_ID","value":"90125","public":true,"masked":false,"raw":false,"file":false},
  {"key":"API_KEY","value":"hunter2hunter2","public":false,"masked":true,"raw":true,"file":false}],
 "steps":[{"name":"script","script":["make","make check"],"timeout":1800,"when":"on_success",
  "allow_failure":false}],
 "image":{"name":"debian:12","entrypoint":[""],"pull_policy":["if-not-present"],
  "executor_opts":{"docker":{"user":1000}}},
 "services":[{"name":"redis:7","alias":"cache, kv",
  "variables":[{"key":"MODE","value":"fast","public":true}]}],
 "artifacts":[{"name":"logs","paths":["out/"],"when":"always","expire_in":"1 week",
  "artifact_type":"archive","artifact_format":"zip"}],
 "cache":[{"key":"main-1","paths":["vendor/"],"policy":"pull-push","when":"on_success",
  "fallback_keys":["main"]}],
 "credentials":[{"type":"registry","url":"registry.example.org","username":"gitlab-ci-token",
  "password":"glcbt-64_exampleJob"}],
 "dependencies":[{"id":90120,"token":"glcbt-64_dep","name":"compile",
  "artifacts_file":{"filename":"artifacts.zip","size":2048}}],
 "features":{"trace_sections":true,"token_mask_prefixes":["acme-"],
  "failure_reasons":["script_failure","unknown_failure"]},
 "hooks":[{"name":"pre_get_sources_script","script":["true"]}],"inputs":[],"secrets":{}})";

Job parsed(const std::string& text) {
  auto result = parse_payload(text);
  EXPECT_EQ(result.error.text, "");
  return result.job.value_or(Job{});
}

Job parsed(const json& changes) {
  json document{{"id", 7}, {"token", "t"}};
  document.update(changes);
  return parsed(document.dump());
}

/// The error of a payload with `changes`; id and token must be there all the same.
std::string error_of(const json& changes) {
  json document{{"id", 7}, {"token", "sesame"}};
  document.update(changes);
  const auto result = parse_payload(document.dump());
  EXPECT_FALSE(result.job);
  EXPECT_EQ(result.error.id, 7);
  EXPECT_EQ(result.error.token.reveal(), "sesame");
  return result.error.text;
}

TEST(Payload, TheDocumentedExample) {
  const auto job = parsed(std::string{example});
  EXPECT_EQ(job.id, 90125);
  EXPECT_EQ(job.token.reveal(), "glcbt-64_exampleJob");
  EXPECT_TRUE(job.allow_git_fetch);
  EXPECT_EQ(job.info.name, "unit");
  EXPECT_EQ(job.info.stage, "test");
  EXPECT_EQ(job.info.pipeline_id, 771);
  EXPECT_EQ(job.info.project_id, 15);
  EXPECT_EQ(job.info.project_full_path, "acme/kite");
  EXPECT_EQ(job.info.time_in_queue_seconds, 1.75);
  EXPECT_EQ(job.git.depth, 20);
  EXPECT_EQ(job.git.is_protected, true);
  EXPECT_EQ(job.git.ref_type, "branch");
  EXPECT_THAT(job.git.refspecs, ElementsAre("+refs/heads/main:refs/remotes/origin/main"));
  EXPECT_EQ(job.timeout_seconds, 1800);
  ASSERT_EQ(job.variables.list().size(), 2u);
  EXPECT_TRUE(job.variables.list()[0].is_public);
  EXPECT_TRUE(job.variables.list()[1].masked);
  EXPECT_TRUE(job.variables.list()[1].raw);
  EXPECT_FALSE(job.variables.list()[1].internal);
  ASSERT_NE(job.step("script"), nullptr);
  EXPECT_THAT(job.step("script")->script, ElementsAre("make", "make check"));
  EXPECT_EQ(job.step("after_script"), nullptr);
  EXPECT_EQ(job.image.name, "debian:12");
  EXPECT_EQ(job.image.entrypoint, std::vector<std::string>{""});
  EXPECT_EQ(job.image.command, std::nullopt);
  EXPECT_THAT(job.image.pull_policies, ElementsAre("if-not-present"));
  EXPECT_THAT(job.image.unknown_options, IsEmpty());
  ASSERT_EQ(job.services.size(), 1u);
  EXPECT_EQ(job.services[0].alias, "cache, kv");
  EXPECT_EQ(job.services[0].variables.get("MODE"), "fast");
  EXPECT_EQ(job.artifacts.at(0).expire_in, "1 week");
  EXPECT_EQ(job.artifacts.at(0).type, "archive");
  EXPECT_EQ(job.caches.at(0).key, "main-1");
  EXPECT_THAT(job.caches.at(0).fallback_keys, ElementsAre("main"));
  EXPECT_EQ(job.credentials.at(0).password.reveal(), "glcbt-64_exampleJob");
  EXPECT_EQ(job.dependencies.at(0).filename, "artifacts.zip");
  EXPECT_EQ(job.dependencies.at(0).size, 2048);
  EXPECT_EQ(job.hooks.at(0).name, "pre_get_sources_script");
  EXPECT_TRUE(job.features.trace_sections);
  EXPECT_THAT(job.features.token_mask_prefixes, ElementsAre("acme-"));
  EXPECT_FALSE(job.has_secrets || !job.run.empty() || !job.inputs.empty());
}

TEST(Payload, MissingAndNullAreZero) {
  const auto job = parsed(json{{"variables", nullptr},
                               {"image", nullptr},
                               {"git_info", nullptr},
                               {"runner_info", nullptr},
                               {"run", nullptr},
                               {"unknown", {1, 2}}});
  EXPECT_EQ(job.timeout_seconds, 7200);
  EXPECT_EQ(job.image.name, "");
  EXPECT_EQ(job.git.is_protected, std::nullopt);
  EXPECT_THAT(job.variables.list(), IsEmpty());
}

TEST(Payload, TimeoutOfZeroOrLessIsTwoHours) {
  EXPECT_EQ(parsed(json{{"runner_info", {{"timeout", 0}}}}).timeout_seconds, 7200);
  EXPECT_EQ(parsed(json{{"runner_info", {{"timeout", -5}}}}).timeout_seconds, 7200);
  EXPECT_EQ(parsed(json{{"runner_info", {{"timeout", 1}}}}).timeout_seconds, 1);
}

TEST(Payload, Edge20UnknownExecutorOptionsAreCollected) {
  const auto job = parsed(json{{"image",
                                {{"executor_opts",
                                  {{"docker", {{"blob", 1}, {"user", "u"}, {"platform", "p"}}},
                                   {"kubernetes", {{"user", 5}, {"blub", 2}}},
                                   {"podman", {{"x", 1}}}}}}}});
  EXPECT_THAT(job.image.unknown_options,
              testing::UnorderedElementsAre("docker.blob", "kubernetes.blub", "podman"));
  EXPECT_EQ(job.image.docker_platform, "p");
}

TEST(Payload, Edge21UserAsIntegerAndAsString) {
  const auto user = [](const json& value) {
    return parsed(json{{"image", {{"executor_opts", {{"docker", {{"user", value}}}}}}}})
        .image.docker_user;
  };
  EXPECT_EQ(user(1000), "1000");
  EXPECT_EQ(user("1000"), "1000");
  EXPECT_EQ(user("1000:1000"), "1000:1000");
  EXPECT_EQ(user(nullptr), "");
  EXPECT_THAT(error_of({{"image", {{"executor_opts", {{"docker", {{"user", 1.5}}}}}}}}),
              HasSubstr("image.executor_opts.docker.user: expected"));
}

TEST(Payload, Edge21RunSecretsAndInputs) {
  const auto job = parsed(
      json{{"run", "[{\"name\":\"a\"}]"},
           {"secrets", {{"A", {{"vault", json::object()}}}}},
           {"inputs",
            {{{"key", "a"},
              {"value", {{"type", "array"}, {"content", {1, "x"}}, {"sensitive", true}}}}}}});
  EXPECT_TRUE(job.has_secrets);
  EXPECT_EQ(job.run, "[{\"name\":\"a\"}]");
  ASSERT_EQ(job.inputs.size(), 1u);
  EXPECT_EQ(job.inputs[0].key, "a");
  EXPECT_EQ(job.inputs[0].content, "[1,\"x\"]");
  EXPECT_TRUE(job.inputs[0].sensitive);
}

TEST(Payload, InputsAreOfTheKindTheySay) {
  const auto input = [](const json& value) {
    return json{{"inputs", {{{"key", "a"}, {"value", value}}}}};
  };
  for (const auto& good :
       {json{{"type", "string"}, {"content", ""}}, json{{"type", "number"}, {"content", 1.5}},
        json{{"type", "number"}, {"content", 7}}, json{{"type", "boolean"}, {"content", false}},
        json{{"type", "struct"}, {"content", json::object()}}})
    EXPECT_EQ(parsed(input(good)).inputs.size(), 1u) << good;
  const struct {
    json value;
    const char* want;
  } bad[] = {
      {{{"type", "string"}, {"content", 5}}, "inputs[0].value.content: expected a string, got"},
      {{{"type", "number"}, {"content", "5"}}, "expected a number, got a string"},
      {{{"type", "boolean"}, {"content", nullptr}}, "expected true or false, got null"},
      {{{"type", "array"}}, "expected an array, got nothing"},
      {{{"type", "struct"}, {"content", {1}}}, "expected an object, got an array"},
      {{{"type", "date"}, {"content", "x"}}, "expected a value of a known type"},
  };
  for (const auto& c : bad) EXPECT_THAT(error_of(input(c.value)), HasSubstr(c.want));
  EXPECT_THAT(error_of({{"inputs", {{{"value", {{"type", "string"}, {"content", "x"}}}}}}}),
              HasSubstr("inputs[0]: expected an input with a key"));
}

TEST(Payload, WrongKindNamesTheFieldAndNotTheValue) {
  const struct {
    json changes;
    const char* want;
  } cases[] = {
      {{{"variables", {{{"key", "A"}}, {{"key", "B"}, {"value", {"hunter2"}}}}}},
       "variables[1].value: expected a string, got an array"},
      {{{"variables", "hunter2"}}, "variables: expected an array, got a string"},
      {{{"git_info", {"hunter2"}}}, "git_info: expected an object, got an array"},
      {{{"git_info", {{"depth", "hunter2"}}}},
       "git_info.depth: expected an integer of 64 bits, got a string"},
      {{{"git_info", {{"depth", 1LL << 40}}}},
       "git_info.depth: expected an integer of 32 bits, got another number"},
      {{{"git_info", {{"protected", "hunter2"}}}},
       "git_info.protected: expected true or false, got a string"},
      {{{"job_info", {{"project_id", 18446744073709551615u}}}},
       "job_info.project_id: expected an integer of 64 bits, got another number"},
      {{{"runner_info", {{"timeout", 1.5}}}},
       "runner_info.timeout: expected an integer of 64 bits, got another number"},
      {{{"job_info", {{"time_in_queue_seconds", "hunter2"}}}},
       "job_info.time_in_queue_seconds: expected a number, got a string"},
      {{{"steps", {{{"script", {"ok", 5}}}}}},
       "steps[0].script[1]: expected a string, got a number"},
      {{{"services", {{{"variables", {{{"masked", "hunter2"}}}}}}}},
       "services[0].variables[0].masked: expected true or false, got a string"},
      {{{"credentials", {5}}}, "credentials[0]: expected an object, got a number"},
  };
  for (const auto& c : cases) {
    const auto error = error_of(c.changes);
    EXPECT_EQ(error, c.want);
    EXPECT_THAT(error, Not(HasSubstr("hunter2")));
  }
}

TEST(Payload, NumbersBeyond64Bits) {
  const auto result = parse_payload(R"({"id":7,"token":"t","job_info":{"pipeline_id":1e400}})");
  EXPECT_FALSE(result.job);
  const auto large =
      parse_payload(R"({"id":7,"token":"t","job_info":{"pipeline_id":99999999999999999999}})");
  EXPECT_EQ(large.error.text,
            "job_info.pipeline_id: expected an integer of 64 bits, got another number");
  EXPECT_EQ(parse_payload(R"({"id":9223372036854775807,"token":"t"})").job->id, INT64_MAX);
  EXPECT_FALSE(parse_payload(R"({"id":9223372036854775808,"token":"t"})").job);
}

TEST(Payload, IdAndTokenAreNeeded) {
  EXPECT_EQ(parse_payload("{}").error.text, "id: expected a positive integer");
  EXPECT_EQ(parse_payload(R"({"id":-1,"token":"t"})").error.text,
            "id: expected a positive integer");
  EXPECT_EQ(parse_payload(R"({"id":1})").error.text, "token: missing");
  EXPECT_EQ(parse_payload("[]").error.text, "job payload: expected an object, got an array");
  EXPECT_EQ(parse_payload("null").error.text, "id: expected a positive integer");
}

TEST(Payload, BrokenJsonStillGivesIdAndToken) {
  const auto result = parse_payload(R"({"id":12,"token":"sesame","job_info":{"id":5,"tok)");
  EXPECT_FALSE(result.job);
  EXPECT_EQ(result.error.id, 12);
  EXPECT_EQ(result.error.token.reveal(), "sesame");
  EXPECT_THAT(result.error.text, HasSubstr("job payload: not valid JSON at byte "));
  EXPECT_THAT(result.error.text, Not(HasSubstr("sesame")));
  EXPECT_EQ(parse_payload("").error.text, "job payload: not valid JSON at byte 1");
  EXPECT_EQ(parse_payload("<html>").error.id, 0);
}

TEST(Payload, AnyPrefixOfTheExampleIsRefusedQuietly) {
  const std::string_view whole{example};
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const auto result = parse_payload(whole.substr(0, i));
    ASSERT_FALSE(result.job) << i;
    ASSERT_FALSE(result.error.text.empty()) << i;
  }
}

TEST(Payload, MutatedBytesAreRefusedOrUsedButNeverWorse) {
  std::mt19937 random{7};
  for (int round = 0; round < 2000; ++round) {
    std::string text{example};
    for (auto n = 1 + random() % 4; n > 0; --n) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    const auto result = parse_payload(text);
    ASSERT_NE(result.job.has_value(), !result.error.text.empty()) << text;
  }
}

TEST(Payload, InvalidUtf8IsRepaired) {
  const auto job =
      parsed(std::string{"{\"id\":1,\"token\":\"t\",\"variables\":[{\"key\":\"A\",\"value\":\"a\xff"
                         "b\xc3\"}]}"});
  EXPECT_EQ(job.variables.get("A"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
}

TEST(Payload, DepthAndSizeAreBounded) {
  const auto nested = [](int levels) {
    return R"({"id":3,"token":"t","x":)" + std::string(static_cast<std::size_t>(levels), '[') +
           std::string(static_cast<std::size_t>(levels), ']') + "}";
  };
  EXPECT_TRUE(parse_payload(nested(63)).job);
  const auto result = parse_payload(nested(64));
  EXPECT_EQ(result.error.text, "job payload: nested deeper than 64 levels");
  EXPECT_EQ(result.error.id, 3);
  EXPECT_FALSE(parse_payload(std::string(1'000'000, '[')).job);
  const std::string large((64u << 20) + 1, ' ');
  EXPECT_EQ(parse_payload(large).error.text, "job payload: larger than 64 MiB");
}

TEST(Payload, CommandAbsentIsNotEmpty) {
  EXPECT_EQ(parsed(json{{"image", json::object()}}).image.command, std::nullopt);
  EXPECT_EQ(parsed(json{{"image", {{"command", json::array()}}}}).image.command,
            std::vector<std::string>{});
}

TEST(ShortToken, OfEveryKindOfToken) {
  const struct {
    const char *token, *want;
  } cases[] = {
      {"glrt-t1_t9Wkyj-HGRk", "t9Wkyj-HG"},
      {"t4_t9Wkyj-H", "t4_t9Wkyj"},
      {"GR1348941Z196cJVyw", "Z196cJVyw"},
      {"glcbt-64_exampleJob", "64_exampl"},
      {"glrt-abcdefghijkl", "abcdefghi"},
      {"t2_abcdefghijkl", "abcdefghi"},
      {"glrtr-abcdefghijkl", "abcdefghi"},
      {"GR13489Z1Z196cJVyw", "GR13489Z1"},
      {"short", "short"},
      {"", ""},
      {"glrt-", ""},
      {"GR1348941", ""},
      {"xglrt-abcdefgh", "xglrt-abc"},
  };
  for (const auto& c : cases) EXPECT_EQ(short_token(c.token), c.want) << c.token;
}

}  // namespace
}  // namespace slipway::job
