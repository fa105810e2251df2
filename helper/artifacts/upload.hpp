#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "gitlab_api/client.hpp"
#include "job/artifacts_stage.hpp"

namespace slipway::helper {

/// The value of an environment variable, as expand_words() asks for it.
using Lookup = std::function<std::optional<std::string>(std::string_view)>;
/// This process's environment.
Lookup environment_lookup();

/// One artifact, ready to be made and sent.
struct UploadRequest {
  gitlab_api::ClientOptions coordinator;
  std::int64_t job = 0;
  std::string token;  ///< the job's
  std::filesystem::path project;
  job::ArtifactUpload artifact;
  std::chrono::milliseconds timeout = std::chrono::hours{1};
  std::chrono::milliseconds response_header_timeout = std::chrono::minutes{10};
  std::string level;  ///< ARTIFACT_COMPRESSION_LEVEL
  Lookup lookup = environment_lookup();
};

/// Archives what the artifact names while it is being sent, again for every try, and tells the
/// job's log on stderr what it found and how it went. Exit code of `artifacts-uploader`: 0 also
/// when there was nothing to send, else 1 or coordinator_away_exit_code. \throws what reading the
/// files throws.
int upload_artifact(const UploadRequest& request);

}  // namespace slipway::helper
