#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/disk_level.hpp"
#include "util/secret.hpp"

/// `config.toml` as plain data with every default applied: "unset" is visible only where a member
/// is optional. Member names are the keys of the file. How the file is read: load.hpp; how it is
/// changed: edit.hpp.
namespace slipway::config {

/// `[[runners.docker.services]]`: started for every job, before the services that the job names.
struct Service {
  std::string name;
  std::string alias;  ///< one or more names, split on spaces or commas
  std::vector<std::string> command;
  std::vector<std::string> entrypoint;
  std::vector<std::string> environment;  ///< `KEY=value`
};

/// `[runners.docker.dind]`: slipway's own; GitLab Runner ignores it. What each does for a
/// Docker-in-Docker service; all of them off is what GitLab Runner does.
struct Dind {
  enum class LayerCache { off, slot, project };

  bool readiness = true;       ///< the script starts only when the engine answers
  bool isolate_certs = true;   ///< the volume of the client's certificates is the job's own
  bool mint_certs = true;      ///< certificates are made here, not by the image
  bool plain_tls_flag = true;  ///< `--tls=false` for an engine without TLS
  bool mtu = true;             ///< `--mtu` where the host's uplink has less than 1500
  bool dns = true;             ///< `--dns` with the host's resolvers in a user-defined network
  /// Image layers stay for the next job of the same concurrency slot (and project).
  LayerCache layer_cache = LayerCache::off;
  /// Most bytes that all layer caches of an Engine may take; 0 = no limit of their own.
  std::uint64_t layer_cache_size = 20'000'000'000;
  /// Images that are Docker-in-Docker whatever their names and entrypoints are; patterns as in
  /// allowed_services.
  std::vector<std::string> images;
};

enum class AgentMode { automatic, off };

/// `[runners.docker]`. Sizes, CPU counts and addresses stay texts: they are checked where they are
/// used, and fail the job.
struct Docker {
  std::string host;  ///< "" = the environment's DOCKER_HOST, else unix:///var/run/docker.sock
  std::string tls_cert_path;
  bool tls_verify = false;
  std::string hostname;
  std::string image;
  std::string runtime;
  std::string memory;
  std::string memory_swap;
  std::string memory_reservation;
  std::string cgroup_parent;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::string cpus;
  std::int64_t cpu_shares = 0;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  bool privileged = false;
  std::optional<bool> services_privileged;  ///< unset = privileged
  bool disable_entrypoint_overwrite = false;
  std::string user;
  std::vector<std::string> allowed_users;
  std::vector<std::string> group_add;
  std::string userns_mode;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  bool oom_kill_disable = false;
  std::int64_t oom_score_adjust = 0;
  std::vector<std::string> security_opt;
  std::vector<std::string> services_security_opt;
  std::vector<std::string> devices;
  std::vector<std::string> device_cgroup_rules;
  std::string gpus;
  bool disable_cache = false;
  std::vector<std::string> volumes;
  bool volume_keep = false;
  std::string volume_driver;
  std::string cache_dir;
  std::vector<std::string> extra_hosts;
  std::vector<std::string> volumes_from;
  std::string network_mode;
  std::string isolation;  ///< "", default, process, hyperv; not checked here
  std::string pid_mode;
  std::string ipcmode;
  std::string mac_address;
  std::vector<std::string> links;
  std::int64_t services_limit = -1;  ///< negative = none
  std::string service_memory;
  std::string service_memory_swap;
  std::string service_memory_reservation;
  std::string service_cgroup_parent;
  std::string service_cpuset_cpus;
  std::string service_cpus;
  std::int64_t service_cpu_shares = 0;
  std::string service_gpus;
  std::chrono::seconds wait_for_services_timeout{30};  ///< negative = do not wait; never 0
  std::vector<std::string> allowed_images;
  std::vector<std::string> allowed_privileged_images;
  std::vector<std::string> allowed_privileged_services;
  std::vector<std::string> allowed_pull_policies;  ///< empty = pull_policy
  std::vector<std::string> allowed_services;
  std::vector<std::string> pull_policy;  ///< tried in order; empty = always. Not checked here
  std::int64_t shm_size = 0;             ///< bytes, 0 = the Engine's default
  std::string helper_image;              ///< "" = slipway's own
  std::string helper_image_flavor;
  bool enable_ipv6 = false;
  std::int64_t network_mtu = 0;
  std::map<std::string, std::vector<std::string>> services_devices;
  std::map<std::string, std::string> volume_driver_ops;
  std::vector<Service> services;
  std::map<std::string, std::string> tmpfs;
  std::map<std::string, std::string> services_tmpfs;
  std::map<std::string, std::string> sysctls;
  std::map<std::string, std::string> container_labels;
  std::map<std::string, std::string> ulimit;
  std::map<std::string, std::string> log_options;
  AgentMode agent = AgentMode::automatic;  ///< slipway's own key
  Dind dind;
};

/// `[runners.cache]`: where caches lie beside the local ones. Secrets stay in the daemon.
struct Cache {
  struct S3 {
    std::string server_address;  ///< host[:port]; "" = Amazon's
    std::string access_key;
    util::Secret secret_key;
    util::Secret session_token;
    std::string bucket_name;
    std::string bucket_location;  ///< the region; "" = us-east-1
    bool insecure = false;        ///< HTTP without TLS
    std::string authentication_type;
    std::string server_side_encryption;
    std::string server_side_encryption_key_id;
    bool dual_stack = true;
    std::optional<bool> path_style;  ///< unset = by address and bucket
    bool accelerate = false;
    std::string role_arn;
    std::string upload_role_arn;
  };
  struct Gcs {
    std::string access_id;
    util::Secret private_key;      ///< PEM
    std::string credentials_file;  ///< a service account's key file; goes before the two above
    std::string bucket_name;
    std::string universe_domain;
  };
  struct Azure {
    std::string account_name;
    util::Secret account_key;  ///< base64
    std::string container_name;
    std::string storage_domain;  ///< "" = blob.core.windows.net
  };
  std::string type;  ///< s3, gcs, azure; "" = caches are local only
  std::string path;  ///< prefix of all objects' names
  bool shared = false;
  std::uint64_t max_uploaded_archive_size = 0;  ///< bytes; 0 = any
  S3 s3;
  Gcs gcs;
  Azure azure;
};

/// One `[[runners]]`.
struct Runner {
  std::string name;
  std::string url;  ///< environment expanded
  std::int64_t id = 0;
  util::Secret token;             ///< environment expanded; blank = never polled
  std::string token_obtained_at;  ///< RFC 3339, "" = unset
  std::string token_expires_at;   ///< RFC 3339, "" = never
  std::string tls_ca_file;
  std::string tls_cert_file;
  std::string tls_key_file;
  int limit = 0;                          ///< most jobs at once, 0 = no limit of its own
  std::uint64_t output_limit = 4u << 20;  ///< bytes (the file says KiB)
  int request_concurrency = 1;
  bool strict_check_interval = false;
  std::optional<int> unhealthy_requests_limit;  ///< neither this nor the next set: no pause
  std::optional<std::chrono::milliseconds> unhealthy_interval;
  int job_status_final_update_retry_limit = 10;
  std::string executor;
  std::string builds_dir;  ///< "" = the executor's default
  std::string cache_dir;
  std::string clone_url;
  std::vector<std::pair<std::string, std::string>> environment;  ///< in order, duplicates kept
  std::string pre_get_sources_script;
  std::string post_get_sources_script;
  std::string pre_build_script;
  std::string post_build_script;
  std::chrono::milliseconds prepare_timeout{0};      ///< 0 = the job's timeout
  std::chrono::milliseconds get_sources_timeout{0};  ///< 0 = the job's timeout
  bool debug_trace_disabled = false;
  std::optional<bool> safe_directory_checkout;  ///< unset = by executor
  std::optional<bool> clean_git_config;         ///< unset = by executor and strategy
  std::optional<bool>
      custom_build_dir_enabled;  ///< [runners.custom_build_dir] enabled; unset = by executor
  std::string shell;             ///< "" = bash, else sh
  std::map<std::string, bool> feature_flags;
  std::map<std::string, std::string> labels;  ///< the global ones, overridden by the runner's
  Cache cache;
  std::optional<Docker>
      docker;  ///< unset: the file has no [runners.docker], an error for a docker executor
};

/// What becomes of running jobs at SIGTERM.
enum class OnStop { abort, adopt };

/// `[slipway]`: slipway's own; GitLab Runner ignores it.
struct SlipwayOptions {
  std::string state_dir;  ///< "" = the default of paths.hpp
  OnStop on_stop = OnStop::abort;
  std::chrono::milliseconds adopt_timeout{std::chrono::minutes{10}};
  /// The disk that holds an Engine's data. Space in use above which what jobs left is removed, and
  /// below which that ends: both or neither off, never high below low.
  DiskLevel disk_high = DiskLevel::share(85);
  DiskLevel disk_low = DiskLevel::share(75);
  /// Free space below which no jobs are taken; unset: 2 %, but not more than 2 GB.
  std::optional<DiskLevel> disk_floor;
  std::uint64_t disk_budget = 0;  ///< most bytes that what jobs left may take, 0 = no such limit
};

/// `[session_server]`.
struct SessionServer {
  std::string listen_address;  ///< "" = off
  std::string advertise_address;
  std::chrono::seconds session_timeout{1800};
};

/// A remark on the file that does not keep it from being used, ready to be logged:
/// `/etc/slipway/config.toml:7: unknown key "runners.buids_dir" (did you mean "builds_dir"?)`.
struct Warning {
  std::uint32_t line = 0;
  std::string text;
};

/// The whole file. A missing file is a Config with these defaults.
struct Config {
  std::string path;
  std::string text;  ///< of the file, as it was read
  bool exists = false;
  int concurrent = 1;  ///< below 1: `run` must refuse to start, naming the key
  std::chrono::seconds check_interval{3};
  std::string log_level;   ///< lower case, "" = unset; see is_log_level()
  std::string log_format;  ///< "" = unset
  std::string listen_address;
  std::chrono::seconds shutdown_timeout{30};
  std::chrono::milliseconds connection_max_age{
      std::chrono::minutes{15}};  ///< 0 or less = unlimited
  std::string sentry_dsn;
  std::string user;
  std::map<std::string, std::string> labels;
  SessionServer session_server;
  SlipwayOptions slipway;
  std::vector<Runner> runners;
  std::vector<Warning> warnings;
};

}  // namespace slipway::config
