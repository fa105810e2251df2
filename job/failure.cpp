#include "job/failure.hpp"

#include <algorithm>

namespace slipway::job {

std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::script_failure:
      return "script_failure";
    case FailureReason::runner_system_failure:
      return "runner_system_failure";
    case FailureReason::job_execution_timeout:
      return "job_execution_timeout";
    case FailureReason::image_pull_failure:
      return "image_pull_failure";
    case FailureReason::runner_configuration_error:
      return "runner_configuration_error";
    case FailureReason::runner_external_dependency_failure:
      return "runner_external_dependency_failure";
    case FailureReason::runner_interrupted:
      return "runner_interrupted";
    case FailureReason::job_canceled:
      return "job_canceled";
    case FailureReason::unknown_failure:
      break;
  }
  return "unknown_failure";
}

FailureReason failure_reason_from(std::string_view name) {
  for (int i = 0; i < static_cast<int>(FailureReason::unknown_failure); ++i) {
    const auto reason = static_cast<FailureReason>(i);
    if (to_string(reason) == name) return reason;
  }
  return FailureReason::unknown_failure;
}

std::string_view wire_reason(FailureReason reason, const std::vector<std::string>& supported) {
  const auto own = to_string(reason);
  if (std::find(supported.begin(), supported.end(), own) != supported.end()) return own;
  switch (reason) {
    case FailureReason::script_failure:
    case FailureReason::runner_system_failure:
    case FailureReason::job_execution_timeout:
      return own;  // every server knows these
    case FailureReason::image_pull_failure:
    case FailureReason::runner_external_dependency_failure:
      return "runner_system_failure";
    case FailureReason::runner_configuration_error:
      return "script_failure";
    default:
      return "unknown_failure";
  }
}

}  // namespace slipway::job
