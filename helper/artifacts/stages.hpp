#pragma once

#include "job/artifacts_stage.hpp"

/// The native stages that exchange artifacts with the coordinator. Each returns the stage's exit
/// code and sets this process's environment to the stage's.
namespace slipway::helper {

/// `upload_artifacts_on_success`, `upload_artifacts_on_failure`: one artifact after another, until
/// one fails.
int upload_artifacts(const job::UploadArtifactsParameters& parameters);

/// `download_artifacts`: those of one job after another, until that fails.
int download_artifacts(const job::DownloadArtifactsParameters& parameters);

}  // namespace slipway::helper
