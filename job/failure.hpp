#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

/// Why a job failed. GitLab API: `failure_reason` of PUT /jobs/:id; spelt as on the wire.
enum class FailureReason {
  script_failure,
  runner_system_failure,
  job_execution_timeout,
  image_pull_failure,
  runner_configuration_error,
  runner_external_dependency_failure,
  runner_interrupted,
  job_canceled,
  unknown_failure,
};

std::string_view to_string(FailureReason reason);
/// The reverse; unknown_failure for a name that is none.
FailureReason failure_reason_from(std::string_view name);
/// What is sent to a server that knows `supported` (features.failure_reasons): the mapping table of
/// the coordinator protocol.
std::string_view wire_reason(FailureReason reason, const std::vector<std::string>& supported);

/// The end of a job by a known cause. what() is the text after `Job failed: `. Thrown by executors,
/// turned into the job's result by runner. A job error that carries a reason other than
/// runner_system_failure is not retried in prepare.
class Failure : public std::runtime_error {
 public:
  Failure(FailureReason reason, const std::string& text, std::optional<std::int32_t> exit_code = {})
      : std::runtime_error{text}, reason_{reason}, exit_code_{exit_code} {}
  FailureReason reason() const { return reason_; }
  std::optional<std::int32_t> exit_code() const { return exit_code_; }

 private:
  FailureReason reason_;
  std::optional<std::int32_t> exit_code_;
};

}  // namespace slipway::job
