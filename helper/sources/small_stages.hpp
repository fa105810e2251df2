#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

/// The native stages around get_sources that need no git server. Each returns the stage's exit code
/// and throws StageFailure, std::system_error. JSON keys are the member names; missing ones keep
/// their defaults.
namespace slipway::helper {

/// `prepare_script`: says where the job runs and removes what the environment file of an earlier
/// job left.
struct PrepareParameters {
  std::string temp_dir;
  std::string via;  ///< the runner's host for `Running on <hostname> via <via>...`, "" = without
  /// The temporary directory is made for this user alone: others of the machine have no business in
  /// it, and the job's scripts write their file variables there.
  bool private_temp = false;
};
int prepare_script(const PrepareParameters& parameters);

/// `clear_worktree`: before the second attempt of get_sources. Where git cannot do it, because the
/// repository is broken, the project directory is emptied, repository included.
struct ClearWorktreeParameters {
  std::string project_dir;
  bool safe_directory = true;
  std::vector<std::pair<std::string, std::string>> variables;  ///< exported to git
};
int clear_worktree(const ClearWorktreeParameters& parameters);

/// `cleanup_file_variables`: the end of a job.
struct CleanupParameters {
  std::string temp_dir;
  std::string project_dir;
  std::string builds_dir;                   ///< root with the uid/gid hint file, "" = none
  std::vector<std::string> file_variables;  ///< names; their files are below temp_dir
  bool git_cleanup = true;
  bool clean_git_config = true;
  std::string remote_url;        ///< whose credentials no helper is to keep, "" = none
  bool clean_directory = false;  ///< FF_ENABLE_JOB_CLEANUP; what follows is for it
  std::string strategy = "fetch";
  std::vector<std::string> clean_flags{"-ffdx"};
  std::string submodule_strategy = "none";
  bool safe_directory = true;
};
int cleanup_file_variables(const CleanupParameters& parameters);

void from_json(const nlohmann::json& in, PrepareParameters& parameters);
void from_json(const nlohmann::json& in, ClearWorktreeParameters& parameters);
void from_json(const nlohmann::json& in, CleanupParameters& parameters);

}  // namespace slipway::helper
