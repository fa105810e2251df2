// Docker-in-Docker services of a job: what decide_dind() says, carried out.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "executors/docker/collector_disk.hpp"
#include "executors/docker/docker_executor.hpp"
#include "executors/docker/plan_parts.hpp"

namespace slipway::executors::docker {

namespace {

constexpr std::uint32_t volume_root_mode = 0777;
/// Characters of an id that Engines make a host name of.
constexpr std::size_t short_id = 12;

}  // namespace

/// Makes the container of a service; it is not started yet.
asio::awaitable<void> DockerExecutor::create_service(const ServicePlan& planned,
                                                     docker_api::ImageDetails image,
                                                     Service& service) {
  if (!planned.is_dind) {
    auto plain = planned.container;
    plain.image = image_reference(image);
    plain.platform = container_platform(plain.platform, image);
    service.id = co_await create(std::move(plain));
    co_return;
  }
  const auto isolated = isolate_late(planned, image);
  const auto decision = decide_dind(plan_, planned, image, dind_host(planned));
  for (const auto& notice : decision.notices) log_.plain(notice);
  for (const auto& warning : decision.warnings) log_.warning(warning);
  auto spec = planned.container;
  spec.image = image_reference(image);
  spec.platform = container_platform(spec.platform, image);
  if (!decision.flags.empty()) spec.command = decision.command;
  if (!decision.layers_refused.empty())
    log_.plain(fmt::format("Docker-in-Docker: the layers of {} are not kept: {} (layer_cache)",
                           planned.shown_name, decision.layers_refused));
  if (decision.keep_layers) co_await keep_layers(planned, spec, service);
  service.id = co_await make(std::move(spec));
  bool mint = decision.mint;
  if (decision.mint_if_none) {
    const bool brought = co_await brings_certificates(service.id, decision.cert_dir);
    mint = !brought;
  }
  service.certificates_ready = mint || decision.cert_dir.empty();
  // An engine may be reading there already.
  if (mint && shares_server_certificate(plan_, decision.cert_dir))
    mint = certified_.insert(clean_path(decision.cert_dir)).second;
  std::optional<docker_api::TarBuilder> entries;
  if (mint || (directories_made_ && !isolated.empty())) entries.emplace();
  if (mint) add_certificates(planned, decision, service, *entries);
  if (directories_made_)
    for (const auto& path : isolated) entries->add_directory(path, volume_root_mode);
  co_await fill(service.id, std::move(entries));
}

/// What the plan could not know: the image has a DOCKER_TLS_CERTDIR of its own.
std::vector<std::string> DockerExecutor::isolate_late(const ServicePlan& planned,
                                                      const docker_api::ImageDetails& image) {
  if (!plan_.dind.isolate_certs || planned.cert_dir) return {};
  auto isolated = isolate_certs(plan_, last_value(image.env, "DOCKER_TLS_CERTDIR").value_or(""));
  if (!isolated.empty()) log_.plain(isolation_notice(isolated));
  return isolated;
}

DindHost DockerExecutor::dind_host(const ServicePlan& planned) const {
  DindHost host;
  host.local = !local_data_roots(engine_.host(), engine_.info()).empty();
  if (host.local && plan_.dind.mtu) host.uplink_mtu = uplink_mtu();
  if (host.local && plan_.dind.dns) host.resolvers = host_resolvers();
  std::vector<DaemonFileMount> mounts;
  for (const auto& bind : planned.container.binds) {
    const auto destination = bind_destination(bind);
    if (!is_same_or_parent(destination, daemon_file)) continue;
    const auto source = bind.substr(0, bind.find(':'));
    const bool is_known = host.local && source.starts_with('/');
    mounts.push_back({destination, is_known ? source : std::string{}});
  }
  for (const auto& volume : plan_.volumes) {
    const auto destination = clean_path(volume.destination);
    if (is_same_or_parent(destination, daemon_file)) mounts.push_back({destination, {}});
  }
  host.daemon_keys = mounted_daemon_keys(mounts);
  return host;
}

/// Two engines on one data root would destroy it: a volume that any other container has, running or
/// not, is left to that one. Jobs of one slot follow each other, so such a container is a leftover
/// of a job whose removal failed, or a stranger's.
asio::awaitable<void> DockerExecutor::keep_layers(const ServicePlan& planned,
                                                  docker_api::ContainerSpec& spec,
                                                  Service& service) {
  const auto& volume = planned.layers.front().source;
  const std::vector<std::string> all;
  const auto containers = co_await client_.list_containers(all);
  for (const auto& container : containers) {
    const auto& used = container.volumes;
    if (std::find(used.begin(), used.end(), volume) == used.end()) continue;
    spdlog::warn("a layer cache is in use, the job goes on without volume={} container={}", volume,
                 container.id);
    log_.warning(fmt::format(
        "Docker-in-Docker: {} starts without its layer cache, which container {} still uses",
        planned.shown_name, container.id.substr(0, short_id)));
    co_return;
  }
  const bool by_project = plan_.dind.layer_cache == config::Dind::LayerCache::project;
  log_.plain(fmt::format(
      "Docker-in-Docker: the layers of {} stay for the next job of this slot{} "
      "(layer_cache = \"{}\")",
      planned.shown_name, by_project ? " and project" : "", by_project ? "project" : "slot"));
  spec.mounts.insert(spec.mounts.end(), planned.layers.begin(), planned.layers.end());
  service.layers = volume;
}

/// An image with an authority or a server certificate of its own: then it is to be used.
asio::awaitable<bool> DockerExecutor::brings_certificates(std::string container,
                                                          std::string cert_dir) {
  auto path = cert_dir + "/server";
  const auto server = co_await client_.stat_path(container, path);
  if (server) co_return true;
  path = cert_dir + "/ca";
  const auto authority = co_await client_.stat_path(container, path);
  co_return authority.has_value();
}

void DockerExecutor::add_certificates(const ServicePlan& planned, const DindDecision& decision,
                                      const Service& service, docker_api::TarBuilder& entries) {
  if (!certificates_) {
    const auto now =
        std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    certificates_ = std::make_unique<DindCertificates>(now, plan_.job_timeout);
  }
  auto hosts = certificate_hosts(plan_, planned);
  hosts.insert(hosts.begin(), service.id.substr(0, short_id));
  certificates_->add_to(entries, clean_path(decision.cert_dir), std::move(hosts));
  log_.plain(
      fmt::format("Docker-in-Docker: the certificates of {} are made by slipway (mint_certs)",
                  planned.shown_name));
}

/// The next job begins with an empty one: an engine that does not run may not like what it found.
void DockerExecutor::give_layers_up(Service& service) {
  if (service.layers.empty()) return;
  log_.plain("Docker-in-Docker: its layer cache is removed, since the engine does not answer");
  goes_with_job(service.layers);
  service.layers.clear();
}

}  // namespace slipway::executors::docker
