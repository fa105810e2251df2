#include "job/native_steps.hpp"

#include <gmock/gmock.h>

#include "job/failure.hpp"
#include "job/job.hpp"

namespace slipway::job {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto steps = R"([{"name":"greet","step":"./hello"}])";

std::string refusal(Job job) {
  try {
    use_step_runner(job);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.reason(), FailureReason::runner_configuration_error);
    return failure.what();
  }
  return "none";
}

TEST(NativeSteps, BecomeAScriptOfTheImagesStepRunner) {
  Job job;
  job.run = steps;
  job.steps = {{"after_script", {}}};
  use_step_runner(job);
  ASSERT_EQ(job.steps.size(), 1u);
  EXPECT_EQ(job.steps[0].name, "script");
  EXPECT_THAT(job.steps[0].script, ElementsAre("step-runner ci"));
  ASSERT_EQ(job.variables.list().size(), 1u);
  EXPECT_EQ(job.variables.get("STEPS"), steps);
  EXPECT_TRUE(job.variables.list()[0].raw);
}

TEST(NativeSteps, AnOrdinaryJobStaysAsItIs) {
  Job job;
  job.steps = {{"script", {"make"}}};
  use_step_runner(job);
  EXPECT_THAT(job.steps[0].script, ElementsAre("make"));
  EXPECT_TRUE(job.variables.list().empty());
}

TEST(NativeSteps, WhatContradictsThemIsRefused) {
  Job job;
  job.run = "{}";
  EXPECT_THAT(refusal(job), HasSubstr("expected an array of steps"));
  job.run = "[";
  EXPECT_THAT(refusal(job), HasSubstr("expected an array of steps"));
  job.run = steps;
  job.steps = {{"script", {"make"}}};
  EXPECT_THAT(refusal(job), HasSubstr("`run` and `script` exclude each other"));
  job.steps.clear();
  job.variables.add_internal("STEPS", "[]");
  EXPECT_THAT(refusal(job), HasSubstr("the variable STEPS is its own"));
}

}  // namespace
}  // namespace slipway::job
