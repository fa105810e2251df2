#include "job/inputs.hpp"

#include <gmock/gmock.h>

#include <string>

#include "job/failure.hpp"
#include "job/job.hpp"

namespace slipway::job {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::vector<Input> inputs{
    {"name", R"("a \"b\" $c")"},
    {"replicas", "3"},
    {"ratio", "0.25"},
    {"wet", "true"},
    {"list", R"(["x",["y",2]])"},
    {"my-struct", R"({"image":{"tag":"1.2"},"a b":null})"},
    {"secret", R"("hunter2")", true},
};

std::string failure_of(std::string_view text) {
  try {
    return "no failure: " + interpolate(text, inputs);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.reason(), FailureReason::runner_configuration_error);
    return failure.what();
  }
}

TEST(Inputs, ValuesStandForTheirExpressions) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"no expression $A ${B} $$ }}", "no expression $A ${B} $$ }}"},
      {"echo ${{ job.inputs.name }}!", R"(echo a "b" $c!)"},
      {"${{job.inputs.replicas}}${{\tjob . inputs . replicas\n}}", "33"},
      {"${{ job.inputs.ratio }} ${{ job.inputs.wet }}", "0.25 true"},
      {"${{ job.inputs.list }}", R"(["x",["y",2]])"},
      {"${{ job.inputs.list[0] }}${{ job.inputs.list[1][0] }}", "xy"},
      {"${{ job.inputs.my-struct.image.tag }}", "1.2"},
      {R"(${{ job.inputs["my-struct"]['a b'] }})", "null"},
      {"${{ str(job.inputs.replicas) }}", "3"},
      {"${{ str( str( job.inputs.my-struct.image ) ) }}", R"({"tag":"1.2"})"},
  };
  for (const auto& c : cases) EXPECT_EQ(interpolate(c.text, inputs), c.want) << c.text;
}

TEST(Inputs, AValueIsNotLookedAtAgain) {
  const std::vector<Input> tricky{{"a", R"("${{ job.inputs.b }}")"}, {"b", R"("no")"}};
  EXPECT_EQ(interpolate("${{ job.inputs.a }}", tricky), "${{ job.inputs.b }}");
}

TEST(Inputs, TheLastOfAKeyCounts) {
  EXPECT_EQ(interpolate("${{ job.inputs.a }}", {{"a", "1"}, {"a", "2"}}), "2");
}

TEST(Inputs, WhatIsNoneIsNamed) {
  const struct {
    std::string_view text;
    const char* want;
  } cases[] = {
      {"x ${{ job.inputs.name", "${{ job.inputs.name lacks its }}"},
      {"${{ }}", "is none of the job's inputs"},
      {"${{ github.actor }}", "${{ github.actor }} is none of the job's inputs"},
      {"${{ job.name }}", "is none of the job's inputs"},
      {"${{ job.inputs }}", "names no input"},
      {"${{ job.inputs. }}", "is not understood"},
      {"${{ job.inputs.name | upper }}", "is not understood"},
      {"${{ job.inputs.missing }}", "names an input that the job does not have"},
      {"${{ job.inputs.list[2] }}", "there is no `2`"},
      {"${{ job.inputs.list[-1] }}", "there is no `-1`"},
      {"${{ job.inputs.list[0 }}", "lacks a `]`"},
      {"${{ job.inputs['list }}", "lacks its }}"},
      {"${{ job.inputs.name.length }}", "there is no `length`"},
      {"${{ job.inputs.my-struct.tag }}", "there is no `tag`"},
      {"${{ str(job.inputs.name }}", "lacks a `)`"},
      {"${{ str job.inputs.name }}", "is none of the job's inputs"},
  };
  for (const auto& c : cases) EXPECT_THAT(failure_of(c.text), HasSubstr(c.want)) << c.text;
}

TEST(Inputs, SensitiveOnesAreRefusedAndNotShown) {
  for (const auto* text : {"${{ job.inputs.secret }}", "${{ str(job.inputs.secret) }}"}) {
    EXPECT_THAT(failure_of(text), HasSubstr("names a sensitive input"));
    EXPECT_THAT(failure_of(text), Not(HasSubstr("hunter2")));
  }
}

TEST(Inputs, CannotFillTheMemory) {
  const std::vector<Input> large{{"a", '"' + std::string(1 << 20, 'x') + '"'}};
  std::string text;
  for (int i = 0; i < 100; ++i) text += "${{ job.inputs.a }}";
  EXPECT_THROW(interpolate(text, large), Failure);
}

Job job_with(std::vector<Input> values) {
  Job job;
  job.inputs = std::move(values);
  const std::string text = "${{ job.inputs.v }}";
  job.steps = {{"script", {text}}, {"release", {text}}, {"after_script", {"x" + text}}};
  job.image.name = "i" + text;
  job.image.entrypoint = {{text}};
  job.image.docker_user = text;
  job.services.emplace_back().command = {{text}};
  job.services[0].pull_policies = {text};
  job.services[0].alias = text;
  job.artifacts.push_back({text, false, {text}, {text}, text, text, text, text});
  job.caches.push_back({text, false, {text}, text, text, {text}});
  job.variables.add_internal("V", text);
  return job;
}

TEST(Inputs, ReachTheDocumentedTexts) {
  auto job = job_with({{"v", R"("on")"}});
  interpolate_inputs(job);
  const std::string text = "${{ job.inputs.v }}";
  EXPECT_THAT(job.steps[0].script, ElementsAre("on"));
  EXPECT_THAT(job.steps[1].script, ElementsAre(text));
  EXPECT_THAT(job.steps[2].script, ElementsAre("xon"));
  EXPECT_EQ(job.image.name, "ion");
  EXPECT_THAT(*job.image.entrypoint, ElementsAre("on"));
  EXPECT_EQ(job.image.docker_user, "on");
  EXPECT_THAT(*job.services[0].command, ElementsAre("on"));
  EXPECT_THAT(job.services[0].pull_policies, ElementsAre("on"));
  EXPECT_EQ(job.services[0].alias, text);
  const auto& artifact = job.artifacts[0];
  EXPECT_THAT(artifact.paths, ElementsAre("on"));
  EXPECT_THAT(artifact.exclude, ElementsAre("on"));
  EXPECT_EQ(artifact.name + artifact.when + artifact.expire_in, "ononon");
  EXPECT_EQ(artifact.type, text);
  const auto& cache = job.caches[0];
  EXPECT_EQ(cache.key + cache.policy + cache.when + cache.paths[0] + cache.fallback_keys[0],
            "ononononon");
  EXPECT_EQ(job.variables.get("V"), text);
}

TEST(Inputs, Edge21WithoutAnyTheTextStays) {
  auto job = job_with({});
  interpolate_inputs(job);
  EXPECT_EQ(job.image.name, "i${{ job.inputs.v }}");
}

TEST(Inputs, AFailureSaysWhere) {
  auto job = job_with({{"w", "1"}});
  try {
    interpolate_inputs(job);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("script: ${{ job.inputs.v }} names an input"));
  }
}

}  // namespace
}  // namespace slipway::job
