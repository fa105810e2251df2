#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executors/docker/names.hpp"
#include "executors/docker/plan.hpp"

/// The parts of make_plan(), one file each.
namespace slipway::executors::docker {

/// Every `volumes` entry, destination expanded. \throws job::Failure for bad and doubled entries.
std::vector<VolumeSpec> parse_volumes(const config::Docker& docker,
                                      const job::Variables& variables);

struct VolumeInput {
  const config::Docker& docker;
  const std::vector<VolumeSpec>& specs;
  std::string storage_id;
  std::string shared_storage_id;
  std::string git_strategy;
  bool is_protected = false;
};
/// Fills plan.volumes and plan.directories; entries with a source go to `binds` as they are.
void plan_volumes(const VolumeInput& input, Plan& plan, std::vector<std::string>& binds);

/// The job has a cache with something in it.
bool uses_cache(const job::Job& job);
/// Fills plan.cache_store, or adds to `helper_binds` where `cache_dir` keeps such volumes.
void plan_cache_store(const VolumeInput& input, Plan& plan, std::vector<std::string>& helper_binds);

/// Fills plan.services. `base` holds what every service container has. \throws job::Failure.
void plan_services(const job::Job& job, const config::Runner& runner, const PlanContext& context,
                   const docker_api::ContainerSpec& base, Plan& plan);

/// A network of the administrator's or the job's own, in which containers have aliases.
bool is_user_defined_network(std::string_view mode);

/// `os/arch[/variant]`; an architecture alone is one of Linux, an OS that no Engine runs becomes
/// `linux` with a warning.
/// "" stays "". \throws job::Failure for anything else.
std::string normal_platform(const std::string& text, std::vector<std::string>& warnings);

/// `text` if it is empty or a MAC address. \throws job::Failure `invalid MAC address …`.
std::string checked_mac_address(const std::string& text);

/// HostConfig members that come straight from the configuration, as the Engine's JSON. \throws
/// job::Failure for values that do not parse.
std::string build_host_config(const config::Docker& docker, bool with_pid_mode);
/// `image`: of the service, with its tag; decides which of services_devices it gets.
std::string service_host_config(const config::Docker& docker, const std::string& image);

/// Refuses an image or service that the allow-list does not name. \throws job::Failure `disallowed
/// image`.
void check_allowed(const std::string& name, const std::vector<std::string>& patterns,
                   const char* kind);

/// True if any pattern matches, or there are none.
bool any_match(const std::vector<std::string>& patterns, const std::string& name);

/// `KEY=value` for the Engine; a file variable gives its path.
std::vector<std::string> container_env(const job::Variables& variables, const std::string& temp_dir,
                                       bool public_only);

}  // namespace slipway::executors::docker
