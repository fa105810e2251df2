#pragma once

#include <string>
#include <vector>

#include "job/variables.hpp"
#include "util/secret.hpp"

namespace slipway::job {

/// How far the submodules of a repository are brought along. `invalid` fails get_sources.
enum class SubmoduleStrategy { none, normal, recursive, invalid };

/// What a job's variables set, already resolved: a value that cannot be read leaves the default and
/// adds a line to `errors`, which the job's log shows as one warning.
struct Settings {
  std::string git_strategy = "fetch";  ///< clone, fetch, none, empty
  bool git_checkout = true;
  SubmoduleStrategy submodule_strategy = SubmoduleStrategy::none;
  std::vector<std::string> submodule_paths;  ///< pathspecs
  std::string submodule_paths_error;         ///< fails get_sources when not ""
  int submodule_depth = 0;                   ///< commits, 0 = all
  std::vector<std::string> submodule_update_flags;
  bool submodule_force_https = false;
  std::vector<std::string> clean_flags{"-ffdx"};  ///< empty = no clean
  std::vector<std::string> fetch_flags{"--prune", "--quiet"};
  std::vector<std::string> clone_flags;
  bool lfs_skip_smudge = false;
  std::string clone_path;
  bool debug_trace = false;
  bool debug_services = false;
  bool after_script_ignore_errors = true;
  int cache_request_timeout = 10;  ///< minutes
  util::Secret docker_auth_config;
  int get_sources_attempts = 1;  ///< this and the following: 1 … 10
  int restore_cache_attempts = 1;
  int artifact_download_attempts = 1;
  int executor_job_section_attempts = 1;
  int secrets_retrieval_attempts = 1;
  std::vector<std::string> errors;  ///< ready to be shown, in the order of the variables' reading
};

/// What else decides about the settings.
struct SettingsContext {
  bool allow_git_fetch = true;        ///< of the payload
  int depth = 0;                      ///< `git_info.depth` of the payload
  bool debug_trace_disabled = false;  ///< of the configuration
};

/// Reads every setting from `variables` (expanded). Pure. An empty value counts as not set.
Settings read_settings(const Variables& variables, const SettingsContext& context);

}  // namespace slipway::job
