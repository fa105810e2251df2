// What the plan alone can do for Docker-in-Docker services.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "executors/docker/dind.hpp"
#include "executors/docker/image_name.hpp"
#include "executors/docker/labels.hpp"
#include "executors/docker/plan_parts.hpp"

namespace slipway::executors::docker {

namespace {

/// What an engine remembers besides images: nothing of the last job may come to life again.
constexpr std::array job_state{"containers", "volumes", "network", "swarm", "plugins"};

constexpr std::string_view gitlab_prefix = "com.gitlab.gitlab-runner.";

/// Containers of the plan that mount the job's volumes.
std::vector<docker_api::ContainerSpec*> containers_of(Plan& plan) {
  std::vector<docker_api::ContainerSpec*> all{&plan.build, &plan.helper};
  for (auto& service : plan.services) all.push_back(&service.container);
  return all;
}

docker_api::Labels job_volume_labels(const Plan& plan, const std::string& destination,
                                     bool is_protected) {
  auto labels = plan.labels;
  const std::string prefix{gitlab_prefix};
  labels[volume_label] = volume_of_job;
  labels[prefix + "type"] = "cache";
  labels[prefix + "destination"] = destination;
  labels[prefix + "protected"] = is_protected ? "true" : "false";
  labels[reusable_label] = "false";
  return labels;
}

void isolate_volume(Plan& plan, VolumePlan& volume) {
  const bool is_protected = volume.name.ends_with("-protected");
  const auto kept = volume.name;
  volume.name = cache_volume_name(plan.prefix, volume.destination, is_protected);
  volume.reusable = false;
  for (auto* container : containers_of(plan))
    for (auto& mount : container->mounts)
      if (mount.source == kept) {
        mount.source = volume.name;
        mount.labels = job_volume_labels(plan, volume.destination, is_protected);
      }
}

/// A directory of `cache_dir` becomes a volume of the Engine.
void isolate_bind(Plan& plan, const std::string& bind) {
  const bool is_protected = bind.substr(0, bind.find(':')).ends_with("-protected");
  VolumePlan volume;
  volume.destination = bind_destination(bind);
  volume.name = cache_volume_name(plan.prefix, volume.destination, is_protected);
  volume.listed = true;
  docker_api::Mount mount;
  mount.source = volume.name;
  mount.target = volume.destination;
  mount.labels = job_volume_labels(plan, volume.destination, is_protected);
  mount.driver = plan.volume_driver;
  mount.driver_options = plan.volume_driver_options;
  for (auto* container : containers_of(plan))
    if (std::erase(container->binds, bind) > 0) container->mounts.push_back(mount);
  plan.directories.push_back(volume.destination);
  plan.volumes.push_back(std::move(volume));
}

/// The mode is the first of a bind's options, in any case.
bool is_read_only(const std::string& bind) {
  const auto from = bind.find(':', bind.find(':') + 1);
  if (from == std::string::npos) return false;
  const auto mode = bind.substr(from + 1, bind.find(',', from) - from - 1);
  return mode.size() == 2 && (mode[0] | 0x20) == 'r' && (mode[1] | 0x20) == 'o';
}

void warn_of_shared_certificates(const ServicePlan& service, const std::string& client,
                                 Plan& plan) {
  for (const auto& bind : sourced_binds(plan, service.container)) {
    const auto destination = bind_destination(bind);
    if (!is_same_or_parent(destination, client) || is_read_only(bind)) continue;
    plan.warnings.push_back(fmt::format(
        "Docker-in-Docker: jobs that run at the same time share \"{}\" and break each other's TLS; "
        "in `volumes` of [runners.docker], \"{}\" alone gives each job its own",
        bind, destination));
  }
}

/// What outlives the job names neither it nor, where projects share it, its project.
docker_api::Labels kept_labels(const Plan& plan, bool with_project) {
  docker_api::Labels labels;
  for (const auto& [key, value] : plan.labels) {
    const auto is = [&](std::string_view part) {
      return key.starts_with(std::string{gitlab_prefix} + std::string{part});
    };
    if (key == job_label || is("job.") || is("pipeline.") || (!with_project && is("project.")))
      continue;
    labels[key] = value;
  }
  return labels;
}

std::vector<docker_api::Mount> layer_mounts(const job::Job& job, const config::Runner& runner,
                                            const PlanContext& context, const Plan& plan,
                                            const ServicePlan& service, int ordinal,
                                            bool is_protected) {
  const bool by_project = plan.dind.layer_cache == config::Dind::LayerCache::project;
  const auto owner = by_project
                         ? fmt::format("project-{}-{}", job.info.project_id, context.project_slot)
                         : fmt::format("slot-{}", context.slot);
  const auto id = digest_hex("SHA256", fmt::format("{}-{}-{}-{}", runner.token.reveal(),
                                                   context.system_id, context.state_id, owner));
  docker_api::Mount kept;
  kept.source = fmt::format("runner-{}-layers-{}{}", id.substr(0, 32),
                            digest_hex("MD5", fmt::format("{} {}", service.image.name, ordinal)),
                            is_protected ? "-protected" : "");
  kept.target = dind_data_root;
  kept.labels = kept_labels(plan, by_project);
  kept.labels[volume_label] = volume_of_layers;
  const std::string prefix{gitlab_prefix};
  kept.labels[prefix + "type"] = "cache";
  kept.labels[prefix + "destination"] = dind_data_root;
  kept.labels[prefix + "protected"] = is_protected ? "true" : "false";
  kept.labels[reusable_label] = "true";
  std::vector<docker_api::Mount> mounts{std::move(kept)};
  for (const auto* name : job_state) {
    docker_api::Mount own;
    own.source = fmt::format("{}-layers-{}-{}", plan.prefix, service.index, name);
    own.target = fmt::format("{}/{}", dind_data_root, name);
    own.labels = job_volume_labels(plan, own.target, is_protected);
    mounts.push_back(std::move(own));
  }
  return mounts;
}

bool is_listed(const config::Dind& dind, const ServicePlan& service) {
  return std::any_of(dind.images.begin(), dind.images.end(), [&](const std::string& pattern) {
    return matches_pattern(pattern, service.image.name);
  });
}

}  // namespace

std::optional<std::string> last_value(const std::vector<std::string>& env, std::string_view key) {
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry)
    if (entry->size() > key.size() && entry->starts_with(key) && (*entry)[key.size()] == '=')
      return entry->substr(key.size() + 1);
  return std::nullopt;
}

std::string bind_destination(const std::string& bind) {
  const auto from = bind.find(':') + 1;
  return clean_path(bind.substr(from, bind.find(':', from) - from));
}

bool paths_overlap(const std::string& a, const std::string& b) {
  return is_same_or_parent(a, b) || is_same_or_parent(b, a);
}

std::vector<std::string> sourced_binds(const Plan& plan,
                                       const docker_api::ContainerSpec& container) {
  std::vector<std::string> list;
  for (const auto& bind : container.binds)
    if (std::find(plan.cached_binds.begin(), plan.cached_binds.end(), bind) ==
        plan.cached_binds.end())
      list.push_back(bind);
  return list;
}

std::vector<std::string> isolate_certs(Plan& plan, const std::string& cert_dir) {
  std::vector<std::string> isolated;
  if (!cert_dir.starts_with('/')) return isolated;
  const auto client = clean_path(cert_dir + "/client");
  const auto authority = clean_path(cert_dir + "/ca");
  const auto server = clean_path(cert_dir + "/server");
  // In `ca` the image keeps the key that signs.
  const auto holds_keys = [&](const std::string& destination) {
    return is_same_or_parent(destination, client) || is_same_or_parent(authority, destination) ||
           is_same_or_parent(server, destination);
  };
  for (auto& volume : plan.volumes) {
    if (!volume.reusable || !volume.listed || !holds_keys(clean_path(volume.destination))) continue;
    isolate_volume(plan, volume);
    isolated.push_back(volume.destination);
  }
  const auto binds = plan.cached_binds;
  for (const auto& bind : binds) {
    const auto destination = bind_destination(bind);
    // The builds directory is there for more than certificates.
    if (!holds_keys(destination) || destination == plan.environment.builds_dir) continue;
    isolate_bind(plan, bind);
    std::erase(plan.cached_binds, bind);
    isolated.push_back(bind_destination(bind));
  }
  return isolated;
}

std::string isolation_notice(const std::vector<std::string>& destinations) {
  return fmt::format("Docker-in-Docker: {} {} of this job alone (isolate_certs)",
                     fmt::join(destinations, ", "),
                     destinations.size() == 1 ? "is a volume" : "are volumes");
}

void plan_dind(const job::Job& job, const config::Runner& runner, const PlanContext& context,
               bool is_protected, Plan& plan) {
  plan.dind = runner.docker->dind;
  plan.dns = runner.docker->dns;
  plan.job_timeout = context.job_timeout;
  std::vector<std::string> isolated;
  std::map<std::string, int> of_image;
  for (auto& service : plan.services) {
    service.dind_listed = is_listed(plan.dind, service);
    service.is_dind = service.is_dind || service.dind_listed;
    if (!service.is_dind) continue;
    if (plan.dind.layer_cache != config::Dind::LayerCache::off)
      service.layers = layer_mounts(job, runner, context, plan, service,
                                    of_image[service.image.name]++, is_protected);
    const auto cert_dir = service.cert_dir.value_or(dind_cert_dir);
    if (!plan.dind.isolate_certs || !cert_dir.starts_with('/')) continue;
    const auto more = isolate_certs(plan, cert_dir);
    isolated.insert(isolated.end(), more.begin(), more.end());
    if (context.side_by_side)
      warn_of_shared_certificates(service, clean_path(cert_dir + "/client"), plan);
  }
  if (!isolated.empty()) plan.notices.push_back(isolation_notice(isolated));
}

}  // namespace slipway::executors::docker
