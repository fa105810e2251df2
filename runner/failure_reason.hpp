#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "job/failure.hpp"

namespace slipway::runner {

/// Why a job was ended from outside; kept because a cancellation carries no reason. broken: this
/// machine cannot go on with it.
enum class StopReason { none, canceled, timed_out, interrupted, broken };

/// How a job failed, for its last line and for the coordinator.
struct JobFailure {
  job::FailureReason reason = job::FailureReason::runner_system_failure;
  std::string text;
  std::int32_t exit_code = 0;
};

/// The one place where errors become failure reasons.
JobFailure classify(std::exception_ptr failure);

}  // namespace slipway::runner
