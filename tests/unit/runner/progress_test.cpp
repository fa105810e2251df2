#include "runner/progress.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "util/async.hpp"

namespace slipway::runner {
namespace {

Outcome through_json(const Outcome& outcome) {
  Progress progress;
  progress.begin("a");
  progress.end(outcome);
  return progress_from(nlohmann::json::parse(to_json(progress).dump())).done.at("a");
}

TEST(Outcome, OfASuccessThrowsNothing) {
  EXPECT_NO_THROW(through_json(Outcome::of(nullptr)).rethrow());
}

TEST(Outcome, OfATimeoutIsOneAgain) {
  const auto failure = std::make_exception_ptr(util::TimeoutError{std::chrono::seconds{3}});
  EXPECT_THROW(through_json(Outcome::of(failure)).rethrow(), util::TimeoutError);
}

TEST(Outcome, KeepsReasonTextAndExitCode) {
  for (int i = 0; i <= static_cast<int>(job::FailureReason::unknown_failure); ++i) {
    const auto reason = static_cast<job::FailureReason>(i);
    for (const std::optional<std::int32_t> code : {std::optional<std::int32_t>{}, {137}}) {
      const auto failure = std::make_exception_ptr(job::Failure{reason, "what happened", code});
      try {
        through_json(Outcome::of(failure)).rethrow();
        ADD_FAILURE() << "nothing thrown for " << job::to_string(reason);
      } catch (const job::Failure& error) {
        EXPECT_EQ(error.reason(), reason);
        EXPECT_STREQ(error.what(), "what happened");
        EXPECT_EQ(error.exit_code(), code);
      }
    }
  }
}

TEST(Outcome, OfAnythingElseIsASystemFailure) {
  const auto failure = std::make_exception_ptr(std::runtime_error{"no answer"});
  try {
    through_json(Outcome::of(failure)).rethrow();
    ADD_FAILURE() << "nothing thrown";
  } catch (const job::Failure& error) {
    EXPECT_EQ(error.reason(), job::FailureReason::runner_system_failure);
    EXPECT_STREQ(error.what(), "no answer");
  }
}

TEST(Progress, ASectionThatEndsHasNoStageUnderWay) {
  Progress progress;
  progress.begin("step_script");
  progress.stage_under_way = true;
  progress.end({});
  EXPECT_EQ(progress.section, "");
  EXPECT_FALSE(progress.stage_under_way);
  EXPECT_EQ(progress.done.count("step_script"), 1u);
}

TEST(FailureReasonNames, AreReadAgain) {
  for (int i = 0; i <= static_cast<int>(job::FailureReason::unknown_failure); ++i) {
    const auto reason = static_cast<job::FailureReason>(i);
    EXPECT_EQ(job::failure_reason_from(job::to_string(reason)), reason);
  }
  EXPECT_EQ(job::failure_reason_from("no such thing"), job::FailureReason::unknown_failure);
}

}  // namespace
}  // namespace slipway::runner
