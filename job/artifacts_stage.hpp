#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway::job {

/// Exit code of a stage that failed because the coordinator did not answer, or only that it is
/// overloaded: once it is back, the stage may be run again.
constexpr int coordinator_away_exit_code = 75;

/// How a helper stage reaches the coordinator. The files are contents, not paths: what a job could
/// have put at a path counts for nothing.
struct CoordinatorAccess {
  std::string url;
  std::string ca;           ///< PEM, "" = the helper image's own trust
  std::string certificate;  ///< PEM of the client's, "" = none
  std::string key;
};

/// RUNNER_GENERATE_ARTIFACTS_METADATA: what is said of how an artifact came to be.
struct ArtifactProvenance {
  std::string runner_id;
  std::string repo_url;
  std::string repo_digest;  ///< the commit
  std::string job_name;
  std::string executor_name;
  std::string runner_name;
  std::string started_at;               ///< RFC 3339
  std::string ended_at;                 ///< the same
  std::string schema_version;           ///< only `v1` is known, and made whatever this says
  std::vector<std::string> parameters;  ///< names of the job's variables

  friend bool operator==(const ArtifactProvenance&, const ArtifactProvenance&) = default;
};

/// What is archived and sent as one artifact. Variables in `name`, `paths` and `exclude` are
/// expanded by the helper, in its environment.
struct ArtifactUpload {
  std::string name;
  bool untracked = false;
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  std::string type;       ///< archive, junit …; "" = not said
  std::string format;     ///< zip, gzip, raw …; "" = zip, not said
  std::string expire_in;  ///< "" = not said
  std::optional<ArtifactProvenance> provenance{};
};

/// Parameters of the native stages `upload_artifacts_on_success` and `upload_artifacts_on_failure`.
struct UploadArtifactsParameters {
  CoordinatorAccess coordinator;
  std::int64_t job = 0;
  std::string token;  ///< the job's
  std::string project_dir;
  std::vector<std::pair<std::string, std::string>> variables;  ///< the stage's environment
  std::vector<ArtifactUpload> artifacts;  ///< one after another; the first that fails is the last
};

/// A job whose artifacts this one wants.
struct ArtifactSource {
  std::int64_t job = 0;
  std::string token;  ///< that job's, not this one's
  std::string name;
};

/// Parameters of the native stage `download_artifacts`.
struct DownloadArtifactsParameters {
  CoordinatorAccess coordinator;
  std::string project_dir;
  std::string builds_dir;  ///< whose files may have to be given to the build container's user
  std::vector<std::pair<std::string, std::string>> variables;
  std::vector<ArtifactSource> sources;
};

/// As the other parameters of stages (job/git_stage.hpp).
void to_json(nlohmann::json& out, const UploadArtifactsParameters& parameters);
void from_json(const nlohmann::json& in, UploadArtifactsParameters& parameters);
void to_json(nlohmann::json& out, const DownloadArtifactsParameters& parameters);
void from_json(const nlohmann::json& in, DownloadArtifactsParameters& parameters);

}  // namespace slipway::job
