#include "runner/failure_reason.hpp"

namespace slipway::runner {

JobFailure classify(std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const job::Failure& error) {
    return {error.reason(), error.what(), error.exit_code().value_or(0)};
  } catch (const std::exception& error) {
    return {job::FailureReason::runner_system_failure, error.what(), 0};
  }
}

}  // namespace slipway::runner
