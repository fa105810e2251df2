#pragma once

#include <string>

#include "gitlab_api/artifacts.hpp"
#include "helper/agent/fd.hpp"
#include "helper/log.hpp"
#include "job/artifacts_stage.hpp"

namespace slipway::helper {

/// The access with its files, in memory, where gitlab_api reads them. Must outlive the calls.
class CoordinatorFiles {
 public:
  explicit CoordinatorFiles(const job::CoordinatorAccess& access);
  /// Of calls as this job's helper.
  gitlab_api::ClientOptions options() const;

 private:
  std::string url_;
  Fd ca_;
  Fd certificate_;
  Fd key_;
};

/// Nothing but the coordinator's absence stood in the way.
bool is_away(const gitlab_api::ArtifactsResult& result);

/// `201 Created`, `403 Forbidden (message)`, or why there was no answer.
std::string status_of(const gitlab_api::ArtifactsResult& result);

/// What is logged of a call: job, status, correlation id and the token, shortened.
LogFields fields_of(std::int64_t job, const std::string& token,
                    const gitlab_api::ArtifactsResult& result);

}  // namespace slipway::helper
