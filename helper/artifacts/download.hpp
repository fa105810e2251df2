#pragma once

#include <filesystem>
#include <string>

#include "gitlab_api/client.hpp"
#include "job/artifacts_stage.hpp"

namespace slipway::helper {

/// The artifacts of another job, to be extracted.
struct DownloadRequest {
  gitlab_api::ClientOptions coordinator;
  job::ArtifactSource source;
  std::filesystem::path project;
  bool direct = true;  ///< FF_USE_DIRECT_DOWNLOAD
  std::filesystem::path
      staging_dir;  ///< ARCHIVER_STAGING_DIR; "" = the system's for temporary files
};

/// Fetches the archive into a file without a name, which goes with this process whatever happens,
/// and extracts it over what is in the project directory; the job's log on stderr is told. Exit
/// code of `artifacts-downloader`: 0, 1 or coordinator_away_exit_code. \throws what extracting
/// throws.
int download_artifact(const DownloadRequest& request);

}  // namespace slipway::helper
