#include "helper/stage.hpp"

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "helper/artifacts/stages.hpp"
#include "helper/cache/stages.hpp"
#include "helper/health/service_health.hpp"
#include "helper/sources/get_sources.hpp"
#include "helper/sources/process.hpp"
#include "helper/sources/small_stages.hpp"

namespace slipway::helper {
namespace {

int dispatch(std::string_view name, const std::string& parameters_json) {
  const auto parameters = nlohmann::json::parse(parameters_json);
  if (name == "get_sources") return get_sources(parameters.get<job::GetSourcesParameters>());
  if (name == "service_health")
    return service_health(parameters.get<job::ServiceHealthParameters>());
  if (name == "upload_artifacts_on_success" || name == "upload_artifacts_on_failure")
    return upload_artifacts(parameters.get<job::UploadArtifactsParameters>());
  if (name == "download_artifacts")
    return download_artifacts(parameters.get<job::DownloadArtifactsParameters>());
  if (name == "restore_cache")
    return cache::restore_caches(parameters.get<job::RestoreCacheParameters>());
  if (name == "archive_cache" || name == "archive_cache_on_failure")
    return cache::save_caches(parameters.get<job::SaveCacheParameters>());
  if (name == "prepare_script") return prepare_script(parameters.get<PrepareParameters>());
  if (name == "clear_worktree") return clear_worktree(parameters.get<ClearWorktreeParameters>());
  if (name == "cleanup_file_variables")
    return cleanup_file_variables(parameters.get<CleanupParameters>());
  throw StageFailure{2, "this helper does not know the stage '" + std::string{name} +
                            "': it is not of the same version as the runner"};
}

}  // namespace

int run_native_stage(std::string_view name, std::string parameters_json) {
  try {
    return dispatch(name, parameters_json);
  } catch (const StageFailure& failure) {
    if (*failure.what() != '\0') std::cerr << failure.what() << std::endl;
    return failure.exit_code();
  } catch (const nlohmann::json::exception& error) {
    // Its text may quote the parameters, which hold credentials: only the kind is shown.
    std::cerr << "the parameters of stage " << name << " are malformed (error " << error.id << ")"
              << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace slipway::helper
