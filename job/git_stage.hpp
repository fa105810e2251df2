#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace slipway::job {

/// Parameters of the native stage `get_sources`: what the helper needs to bring the work tree to
/// the job's commit. Plain data, sent as JSON from the daemon to the helper.
struct GetSourcesParameters {
  std::string strategy = "fetch";  ///< clone, fetch, none, empty
  std::string remote_url;          ///< without credentials; this is what .git/config keeps
  /// `url.<first>.insteadOf = <second>`; the first holds credentials and is only ever written to
  /// the external config below temp_dir.
  std::vector<std::pair<std::string, std::string>> url_rules;
  /// Servers (`scheme://host`) for which a credential helper answers with $CI_JOB_TOKEN. Then no
  /// file holds the token, and GIT_CONFIG_GLOBAL is the seed below temp_dir.
  std::vector<std::string> credential_origins;
  std::string project_dir;
  std::string temp_dir;
  std::string builds_dir;  ///< holds the uid/gid hint file; "" = files keep their owner
  std::string cache_dir;
  std::string ref;
  std::string sha;
  std::string object_format;
  std::vector<std::string> refspecs;
  int depth = 0;
  bool checkout = true;
  std::vector<std::string> clean_flags{"-ffdx"};  ///< empty = no clean
  std::vector<std::string> fetch_flags{"--prune", "--quiet"};
  bool native_clone = false;  ///< strategy clone: by `git clone`, where git is new enough
  std::vector<std::string> clone_flags;
  std::string submodule_strategy = "none";   ///< none, normal, recursive
  std::vector<std::string> submodule_paths;  ///< pathspecs, empty = all
  int submodule_depth = 0;                   ///< commits, 0 = all
  std::vector<std::string> submodule_update_flags;
  bool lfs = true;  ///< what Git LFS keeps elsewhere is fetched, too
  bool safe_directory = true;
  bool clean_git_config = true;
  bool global_tls = true;   ///< the user's own git configuration may be changed
  bool bundle_uris = true;  ///< take bundles that the server offers
  bool proactive_auth = false;
  std::string user_agent;
  std::string correlation_id;            ///< "" = none
  std::vector<std::string> tls_origins;  ///< servers that the following files are for
  std::string ca_file;                   ///< path within the container, "" = none
  std::string certificate_file;
  std::string key_file;
  std::vector<std::pair<std::string, std::string>>
      variables;  ///< exported to git and hooks, expanded; a file variable's value is its path
  /// Name and content of the file variables, written below temp_dir before anything else.
  std::vector<std::pair<std::string, std::string>> files;
  std::string pre_script;  ///< whole shell script, "" = none
  std::string post_script;
};

/// Parameters of the native stage `service_health`: wait until the job's services answer.
struct ServiceCheck {
  std::string name;                    ///< for messages
  std::vector<std::string> addresses;  ///< IP addresses
  std::vector<int> ports;              ///< any one that accepts is enough
  bool dind = false;                   ///< then GET /_ping must answer
  bool dind_tls = false;               ///< over TLS with the client certificate of cert_dir
  std::string cert_dir;                ///< e.g. /certs/client
  std::string unix_socket;             ///< instead of addresses, "" = none
};
struct ServiceHealthParameters {
  std::vector<ServiceCheck> services;
  int timeout_seconds = 30;
};
/// Result, one per service in order: "" = healthy, else the documented reason. Printed by the stage
/// as one JSON line on stdout.
struct ServiceHealthResult {
  std::vector<std::string> errors;
};

/// JSON between daemon and helper: missing members leave the default. from_json throws
/// nlohmann::json::exception on a member of the wrong kind; its text holds no values. Strings that
/// are not UTF-8 must be repaired before they are dumped.
void to_json(nlohmann::json& out, const GetSourcesParameters& parameters);
void from_json(const nlohmann::json& in, GetSourcesParameters& parameters);
void to_json(nlohmann::json& out, const ServiceHealthParameters& parameters);
void from_json(const nlohmann::json& in, ServiceHealthParameters& parameters);
void to_json(nlohmann::json& out, const ServiceHealthResult& result);
void from_json(const nlohmann::json& in, ServiceHealthResult& result);

}  // namespace slipway::job
