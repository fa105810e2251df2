#include "helper/artifacts/stages.hpp"

#include <fmt/format.h>

#include "helper/artifacts/coordinator.hpp"
#include "helper/artifacts/download.hpp"
#include "helper/artifacts/upload.hpp"
#include "helper/log.hpp"
#include "helper/sources/ownership.hpp"
#include "helper/sources/process.hpp"
#include "helper/stage_environment.hpp"

namespace slipway::helper {

namespace {

bool is_off(const std::optional<std::string>& flag) {
  return flag == "0" || flag == "f" || flag == "F" || flag == "false" || flag == "FALSE" ||
         flag == "False";
}

}  // namespace

int upload_artifacts(const job::UploadArtifactsParameters& parameters) {
  enter_stage(parameters.variables, parameters.project_dir);
  const CoordinatorFiles coordinator{parameters.coordinator};
  const auto environment = environment_lookup();
  for (const auto& artifact : parameters.artifacts) {
    notice("Uploading artifacts...");
    UploadRequest request;
    request.coordinator = coordinator.options();
    request.job = parameters.job;
    request.token = parameters.token;
    request.project = parameters.project_dir;
    request.artifact = artifact;
    request.level = environment("ARTIFACT_COMPRESSION_LEVEL").value_or("");
    if (const int code = upload_artifact(request)) return code;
  }
  return 0;
}

int download_artifacts(const job::DownloadArtifactsParameters& parameters) {
  enter_stage(parameters.variables, parameters.project_dir);
  const CoordinatorFiles coordinator{parameters.coordinator};
  const auto environment = environment_lookup();
  for (const auto& source : parameters.sources) {
    notice(fmt::format("Downloading artifacts for {} ({})...", source.name, source.job));
    DownloadRequest request;
    request.coordinator = coordinator.options();
    request.source = source;
    request.project = parameters.project_dir;
    request.direct = !is_off(environment("FF_USE_DIRECT_DOWNLOAD"));
    request.staging_dir = environment("ARCHIVER_STAGING_DIR").value_or("");
    if (const int code = download_artifact(request)) return code;
  }
  fix_ownership(parameters.builds_dir, {parameters.builds_dir});
  return 0;
}

}  // namespace slipway::helper
