#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/inputs.hpp"
#include "job/variables.hpp"
#include "util/secret.hpp"

namespace slipway::job {

/// GitLab API: `image` and `services[]`.
struct Image {
  std::string name;
  std::string alias;
  std::optional<std::vector<std::string>> command;  ///< absent is not an empty list
  std::optional<std::vector<std::string>> entrypoint;
  Variables variables;  ///< services only
  std::vector<std::string> pull_policies;
  std::string docker_platform;
  std::string docker_user;  ///< a JSON integer arrives as its digits
  /// Keys under executor_opts that are not known, as `docker.blob`: they fail the job.
  std::vector<std::string> unknown_options;
};

/// GitLab API: `steps[]`.
struct Step {
  std::string name;
  std::vector<std::string> script;
};

/// GitLab API: `git_info`.
struct GitInfo {
  std::string repo_url;  ///< with credentials
  std::string repo_object_format;
  std::string ref;
  std::string sha;
  std::string before_sha;
  std::string ref_type;
  std::vector<std::string> refspecs;
  int depth = 0;
  std::optional<bool> is_protected;
};

/// GitLab API: `job_info`.
struct JobInfo {
  std::string name;
  std::string stage;
  std::int64_t pipeline_id = 0;
  std::int64_t project_id = 0;
  std::string project_name;
  std::string project_full_path;
  double time_in_queue_seconds = 0;
  /// project_jobs_running_on_instance_runners_count: a label such as `0` or `5+`, not a number.
  std::string project_jobs_running;
  std::int64_t queue_size = 0;
  std::int64_t queue_depth = 0;
};

/// GitLab API: `artifacts[]`.
struct Artifact {
  std::string name;
  bool untracked = false;
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  std::string when;
  std::string type;
  std::string format;
  std::string expire_in;
};

/// GitLab API: `cache[]`.
struct Cache {
  std::string key;
  bool untracked = false;
  std::vector<std::string> paths;
  std::string policy;
  std::string when;
  std::vector<std::string> fallback_keys;
};

/// GitLab API: `credentials[]`.
struct Credential {
  std::string type;
  std::string url;
  std::string username;
  util::Secret password;
};

/// GitLab API: `dependencies[]`.
struct Dependency {
  std::int64_t id = 0;
  util::Secret token;
  std::string name;
  std::string filename;
  std::int64_t size = 0;
};

/// GitLab API: `hooks[]`.
struct Hook {
  std::string name;
  std::vector<std::string> script;
};

/// GitLab API: `features` of the payload: what the server can do.
struct ServerFeatures {
  bool trace_sections = false;
  std::vector<std::string> token_mask_prefixes;
  std::vector<std::string> failure_reasons;
};

/// One job as the coordinator handed it out. Plain data; unknown fields are ignored, missing and
/// null ones are zero. GitLab API: POST /jobs/request, 201.
struct Job {
  std::int64_t id = 0;
  util::Secret token;
  bool allow_git_fetch = false;
  JobInfo info;
  GitInfo git;
  std::int64_t timeout_seconds = 7200;
  Variables variables;
  std::vector<Step> steps;
  Image image;
  std::vector<Image> services;
  std::vector<Artifact> artifacts;
  std::vector<Cache> caches;
  std::vector<Credential> credentials;
  std::vector<Dependency> dependencies;
  std::vector<Hook> hooks;
  ServerFeatures features;
  bool has_secrets = false;  ///< `secrets` is not empty: not supported yet, fails the job by name
  std::string run;           ///< native steps, as JSON; "" = none
  std::vector<Input> inputs;

  const Step* step(std::string_view name) const;
};

/// Why a payload could not be used. id and token are there if they could be read, so that the job
/// can be reported as failed.
struct PayloadError {
  std::string text;
  std::int64_t id = 0;
  util::Secret token;
};

/// Parses a payload. Invalid UTF-8 in strings is replaced by U+FFFD before parsing, never refused.
/// Exactly one of the two members is meaningful.
struct PayloadResult {
  std::optional<Job> job;
  PayloadError error;
};
PayloadResult parse_payload(std::string_view json);

/// The token without its prefixes, first 9 characters: for logs, labels and names.
std::string short_token(std::string_view token);

}  // namespace slipway::job
