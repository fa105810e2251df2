#include "job/failure.hpp"

#include <gtest/gtest.h>

namespace slipway::job {
namespace {

using enum FailureReason;

constexpr FailureReason all[] = {script_failure,
                                 runner_system_failure,
                                 job_execution_timeout,
                                 image_pull_failure,
                                 runner_configuration_error,
                                 runner_external_dependency_failure,
                                 runner_interrupted,
                                 job_canceled,
                                 unknown_failure};

TEST(FailureReason, Edge42WithoutAListFromTheServer) {
  EXPECT_EQ(wire_reason(script_failure, {}), "script_failure");
  EXPECT_EQ(wire_reason(runner_system_failure, {}), "runner_system_failure");
  EXPECT_EQ(wire_reason(job_execution_timeout, {}), "job_execution_timeout");
  EXPECT_EQ(wire_reason(image_pull_failure, {}), "runner_system_failure");
  EXPECT_EQ(wire_reason(runner_external_dependency_failure, {}), "runner_system_failure");
  EXPECT_EQ(wire_reason(runner_configuration_error, {}), "script_failure");
  EXPECT_EQ(wire_reason(runner_interrupted, {}), "unknown_failure");
  EXPECT_EQ(wire_reason(job_canceled, {}), "unknown_failure");
  EXPECT_EQ(wire_reason(unknown_failure, {}), "unknown_failure");
}

TEST(FailureReason, Edge42ListedReasonsAreSentAsTheyAre) {
  for (const auto reason : all) {
    EXPECT_EQ(wire_reason(reason, {"other", std::string{to_string(reason)}}), to_string(reason));
  }
}

TEST(FailureReason, Edge41FailureCarriesReasonTextAndCode) {
  const Failure failure{script_failure, "exit code 7", 7};
  EXPECT_EQ(failure.reason(), script_failure);
  EXPECT_STREQ(failure.what(), "exit code 7");
  EXPECT_EQ(failure.exit_code(), 7);
  EXPECT_EQ((Failure{image_pull_failure, "x"}.exit_code()), std::nullopt);
}

}  // namespace
}  // namespace slipway::job
