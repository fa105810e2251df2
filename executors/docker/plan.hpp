#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "docker_api/types.hpp"
#include "executors/executor.hpp"
#include "executors/job_plan.hpp"
#include "job/git_stage.hpp"
#include "job/job.hpp"
#include "util/secret.hpp"

namespace slipway::executors::docker {

/// What the planner needs beside job and config.
struct PlanContext : RunContext {
  std::string system_id;
  std::string state_id;  ///< value of the label io.slipway.state
  std::string job_key;   ///< value of the label io.slipway.job, "" = no such label
  std::string random;    ///< 16 hex digits, drawn per execution
  /// Where Docker's own configuration may lie, for credentials: the first that has one counts.
  std::vector<std::string> homes;
  /// Jobs of the same runner may run at the same time.
  bool side_by_side = false;
};

/// An image to be made available before a container is made of it.
struct ImagePlan {
  std::string name;                   ///< expanded
  std::vector<std::string> policies;  ///< effective ones, in order; never empty
  std::string platform;
  bool from_config = false;  ///< prints `Using default image`
};

/// Where a job's credentials for registries come from; see RegistryAccess.
struct RegistryPlan {
  util::Secret auth_config;  ///< content of DOCKER_AUTH_CONFIG
  std::vector<std::string> homes;
  std::vector<job::Credential> credentials;  ///< of type `registry`
};

/// A volume that the executor makes, mounts and perhaps removes.
struct VolumePlan {
  std::string name;
  std::string destination;
  bool reusable = false;  ///< survives the job
  bool listed = false;    ///< an entry of `volumes`, not the builds directory's own
};

/// One service container.
struct ServicePlan {
  std::size_t index = 0;  ///< position in the merged list
  ImagePlan image;
  std::string shown_name;               ///< `<name>:<version>` of the start line
  std::vector<std::string> aliases;     ///< complete list, for the network
  std::vector<std::string> hosts;       ///< those this service holds: host entries
  docker_api::ContainerSpec container;  ///< without image
  bool is_dind = false;
  std::optional<std::string>
      cert_dir;              ///< DOCKER_TLS_CERTDIR of service or job; unset: the image's
  std::string docker_host;   ///< DOCKER_HOST that the service sees
  bool dind_listed = false;  ///< by `images` in [runners.docker.dind]
  /// With layer_cache: the kept volume of /var/lib/docker, then the job's own inside it. Mounted if
  /// the image allows it.
  std::vector<docker_api::Mount> layers;
};

/// A job, ready to be carried out by the Engine: data only, no I/O was done for it.
struct Plan {
  JobEnvironment environment;
  std::string unique_name;  ///< U: runner-<short token>-project-<id>-concurrent-<n>
  std::string prefix;       ///< R: U-<random>
  docker_api::Labels labels;
  std::vector<std::string> warnings;  ///< for the job's log, before anything else
  std::vector<std::string> notices;   ///< likewise, after them: what slipway does of its own accord
  ImagePlan image;
  std::optional<ImagePlan> helper_image;  ///< unset: slipway's own local one
  std::string helper_flavor;              ///< of GitLab Runner's, where there is no own one
  bool helper_pwsh = false;
  RegistryPlan registry;
  std::vector<VolumePlan> volumes;
  /// Where the job's caches are stored for all slots, mounted in the helper alone. Unset: the job
  /// has none, or the configuration says where they are.
  std::optional<VolumePlan> cache_store;
  /// Directories (below managed volumes only) made with mode 0777 before anything starts.
  std::vector<std::string> directories;
  std::vector<ServicePlan> services;
  docker_api::ContainerSpec build;  ///< without image and service hosts
  docker_api::ContainerSpec helper;
  bool needs_helper = false;  ///< a stage needs git or archives
  /// Why no build container may be made; fails the job when one is due. "" = it may.
  std::string build_refused;
  std::string job_network;    ///< to be made and removed; "" = none
  bool network_ipv6 = false;  ///< of job_network
  std::map<std::string, std::string> network_options;
  std::chrono::seconds wait_for_services{30};  ///< negative: do not wait
  bool agent = true;
  bool dind_readiness = true;
  config::Dind dind;
  std::vector<std::string> dns;  ///< `dns` of the configuration
  std::chrono::seconds job_timeout{7200};
  /// Of the binds: those of `volumes` entries without a source, kept in `cache_dir`.
  std::vector<std::string> cached_binds;
  std::string volume_driver;  ///< of the volumes that the executor makes, "" = the Engine's
  std::map<std::string, std::string> volume_driver_options;
  bool keep_anonymous_volumes = false;  ///< volume_keep
  bool debug_services = false;          ///< CI_DEBUG_SERVICES: their logs go to the job's
  bool keep_umask = false;              ///< FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR
  bool native_stop = false;             ///< FF_USE_NATIVE_CONTAINER_STOP
  int section_attempts = 1;             ///< EXECUTOR_JOB_SECTION_ATTEMPTS, 1 … 10
};

/// Makes the plan. \throws job::Failure (runner_configuration_error, …) with the documented texts.
Plan make_plan(const job::Job& job, const config::Runner& runner, const PlanContext& context);

/// The policies to try: those wanted that are allowed. \throws job::Failure as documented.
std::vector<std::string> effective_pull_policies(const std::string& image,
                                                 const std::vector<std::string>& from_job,
                                                 const config::Docker& docker);

/// A parsed `volumes` entry. \throws job::Failure `invalid volume specification: "…"`.
struct VolumeSpec {
  std::string source;
  std::string destination;
  std::string options;  ///< mode, label and propagation, joined by commas
};
VolumeSpec parse_volume(const std::string& text);

/// The labels that every object of the job carries.
docker_api::Labels base_labels(const job::Job& job, const config::Runner& runner,
                               const PlanContext& context);

}  // namespace slipway::executors::docker
