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
  std::string
      authenticated_url;  ///< with credentials; only ever in the external config below temp_dir
  std::string project_dir;
  std::string temp_dir;
  std::string ref;
  std::string sha;
  std::string object_format;
  std::vector<std::string> refspecs;
  int depth = 0;
  bool checkout = true;
  std::vector<std::string> clean_flags{"-ffdx"};  ///< empty = no clean
  std::vector<std::string> fetch_flags{"--prune", "--quiet"};
  bool safe_directory = true;
  bool clean_git_config = true;
  std::string user_agent;
  std::string correlation_id;  ///< "" = none
  std::string ca_file;         ///< path within the container, "" = none
  std::vector<std::pair<std::string, std::string>>
      variables;           ///< exported to git and hooks, expanded
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
