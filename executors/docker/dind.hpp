#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docker_api/types.hpp"
#include "executors/docker/dind_host.hpp"
#include "executors/docker/plan.hpp"

/// What `[runners.docker.dind]` does for Docker-in-Docker services, decided without I/O: by the
/// plan before anything is known of the Engine, by decide_dind() when the service's image is.
/// Source: docker-library/docker, dockerd-entrypoint.sh, whose behaviour this builds on: it makes
/// certificates unless `server/` is whole and `ca/key.pem` is missing, and passes what begins with
/// `-` to dockerd.
namespace slipway::executors::docker {

/// What is done with one service.
struct DindDecision {
  std::string cert_dir;  ///< where the engine looks for certificates; "" = it speaks plain TCP
  bool mint = false;     ///< put certificates into its container
  /// Only if the image brings none: the container must be looked at first.
  bool mint_if_none = false;
  std::string not_minted;            ///< why, when `mint` is false
  std::vector<std::string> command;  ///< with the flags that are added; meaningless without `flags`
  std::vector<std::string> flags;    ///< that were added; empty: the command stays as it is
  bool keep_layers = false;          ///< mount ServicePlan::layers
  std::string layers_refused;        ///< why not, when the plan has them
  std::vector<std::string> notices;  ///< for the job's log, one per feature that acts
  std::vector<std::string> warnings;
};

/// \param image  of the service. \param host  nothing known when the Engine is remote.
DindDecision decide_dind(const Plan& plan, const ServicePlan& service,
                         const docker_api::ImageDetails& image, const DindHost& host);

/// The names for the certificate of a service's engine: its own, then those of the job's other dind
/// services, whose certificate it is as well where they share the directory.
std::vector<std::string> certificate_hosts(const Plan& plan, const ServicePlan& service);

/// `<cert_dir>/server` lies on a volume that all containers of the job mount: what is put there for
/// one engine is every engine's.
bool shares_server_certificate(const Plan& plan, const std::string& cert_dir);

/// Makes the volumes of `volumes` entries without a source, that are `<cert_dir>/client` or a
/// parent of it, volumes of the job, wherever the plan mounts them. Idempotent, and nothing else
/// depends on when it is done before a container is made. Returns their destinations.
std::vector<std::string> isolate_certs(Plan& plan, const std::string& cert_dir);

/// The line of the job's log about them.
std::string isolation_notice(const std::vector<std::string>& destinations);

/// Lets what the plan can know of dind act on it; the last part of make_plan().
void plan_dind(const job::Job& job, const config::Runner& runner, const PlanContext& context,
               bool is_protected, Plan& plan);

/// Where the official image's engine keeps everything.
inline constexpr auto dind_data_root = "/var/lib/docker";
/// DOCKER_TLS_CERTDIR of the official images.
inline constexpr auto dind_cert_dir = "/certs";

/// The last value of `key`; nullopt if no entry of `env` sets it.
std::optional<std::string> last_value(const std::vector<std::string>& env, std::string_view key);
/// The path that a bind of the Engine's form (`source:destination[:options]`) covers.
std::string bind_destination(const std::string& bind);
/// One is the other or lies within it.
bool paths_overlap(const std::string& a, const std::string& b);
/// Binds of a container that are the administrator's: `volumes` entries with a source.
std::vector<std::string> sourced_binds(const Plan& plan,
                                       const docker_api::ContainerSpec& container);

}  // namespace slipway::executors::docker
