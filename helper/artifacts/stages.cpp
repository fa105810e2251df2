#include "helper/artifacts/stages.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "helper/artifacts/coordinator.hpp"
#include "helper/artifacts/download.hpp"
#include "helper/artifacts/upload.hpp"
#include "helper/log.hpp"
#include "helper/sources/ownership.hpp"
#include "helper/sources/process.hpp"

namespace slipway::helper {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// A stage has this process for itself, and no thread was started yet.
void enter(const Variables& variables, const std::string& project_dir) {
  for (const auto& [name, value] : variables)
    if (!name.empty() && name.find('=') == std::string::npos)
      ::setenv(name.c_str(), value.c_str(), 1);
  // In one stream, so that the lines stand in the log in the order in which they were written.
  ::dup2(STDOUT_FILENO, STDERR_FILENO);
  if (::chdir(project_dir.c_str()) != 0)
    throw StageFailure{1, "cannot enter the project directory " + project_dir};
}

bool is_off(const std::optional<std::string>& flag) {
  return flag == "0" || flag == "f" || flag == "F" || flag == "false" || flag == "FALSE" ||
         flag == "False";
}

}  // namespace

int upload_artifacts(const job::UploadArtifactsParameters& parameters) {
  enter(parameters.variables, parameters.project_dir);
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
  enter(parameters.variables, parameters.project_dir);
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
