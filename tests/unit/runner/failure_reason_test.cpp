#include "runner/failure_reason.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "util/async.hpp"

namespace slipway::runner {
namespace {

using job::FailureReason;

TEST(Classify, KeepsWhatAFailureSays) {
  const auto script = classify(
      std::make_exception_ptr(job::Failure{FailureReason::script_failure, "exit code 7", 7}));
  EXPECT_EQ(script.reason, FailureReason::script_failure);
  EXPECT_EQ(script.text, "exit code 7");
  EXPECT_EQ(script.exit_code, 7);
  const auto image =
      classify(std::make_exception_ptr(job::Failure{FailureReason::image_pull_failure, "no"}));
  EXPECT_EQ(image.reason, FailureReason::image_pull_failure);
  EXPECT_EQ(image.exit_code, 0);
}

TEST(Classify, TheRestIsTheRunnersFault) {
  const std::exception_ptr others[] = {
      std::make_exception_ptr(std::runtime_error{"why"}),
      std::make_exception_ptr(util::TimeoutError{std::chrono::seconds{1}}),
      std::make_exception_ptr(std::bad_alloc{}),
      std::make_exception_ptr(boost::system::system_error{asio::error::operation_aborted}),
  };
  for (const auto& other : others) {
    const auto failure = classify(other);
    EXPECT_EQ(failure.reason, FailureReason::runner_system_failure);
    EXPECT_FALSE(failure.text.empty());
    EXPECT_EQ(failure.exit_code, 0);
  }
  EXPECT_EQ(classify(others[0]).text, "why");
}

}  // namespace
}  // namespace slipway::runner
