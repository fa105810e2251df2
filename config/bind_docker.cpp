#include <fmt/format.h>

#include "config/bind.hpp"
#include "config/fields.hpp"

namespace slipway::config {

namespace {

void bind_build_container(const Fields& fields, Docker& docker) {
  fields.read("host", docker.host);
  fields.read("tls_cert_path", docker.tls_cert_path);
  fields.read("tls_verify", docker.tls_verify);
  fields.read("hostname", docker.hostname);
  fields.read("image", docker.image);
  fields.read("runtime", docker.runtime);
  fields.read("memory", docker.memory);
  fields.read("memory_swap", docker.memory_swap);
  fields.read("memory_reservation", docker.memory_reservation);
  fields.read("cgroup_parent", docker.cgroup_parent);
  fields.read("cpuset_cpus", docker.cpuset_cpus);
  fields.read("cpuset_mems", docker.cpuset_mems);
  fields.read("cpus", docker.cpus);
  fields.read("cpu_shares", docker.cpu_shares);
  fields.read("dns", docker.dns);
  fields.read("dns_search", docker.dns_search);
  fields.read("privileged", docker.privileged);
  fields.read("disable_entrypoint_overwrite", docker.disable_entrypoint_overwrite);
  fields.read("user", docker.user);
  fields.read("group_add", docker.group_add);
  fields.read("userns_mode", docker.userns_mode);
  fields.read("cap_add", docker.cap_add);
  fields.read("cap_drop", docker.cap_drop);
  fields.read("oom_kill_disable", docker.oom_kill_disable);
  fields.read("oom_score_adjust", docker.oom_score_adjust);
  fields.read("security_opt", docker.security_opt);
  fields.read("devices", docker.devices);
  fields.read("device_cgroup_rules", docker.device_cgroup_rules);
  fields.read("gpus", docker.gpus);
  fields.read("extra_hosts", docker.extra_hosts);
  fields.read("network_mode", docker.network_mode);
  fields.read("isolation", docker.isolation);
  fields.read("pid_mode", docker.pid_mode);
  fields.read("ipcmode", docker.ipcmode);
  fields.read("mac_address", docker.mac_address);
  fields.read("links", docker.links);
  fields.read("shm_size", docker.shm_size);
  fields.read("enable_ipv6", docker.enable_ipv6);
  fields.read("network_mtu", docker.network_mtu);
  fields.read("tmpfs", docker.tmpfs);
  fields.read("sysctls", docker.sysctls);
  fields.read("container_labels", docker.container_labels);
  fields.read("ulimit", docker.ulimit);
  fields.read("log_options", docker.log_options);
}

void bind_volumes(const Fields& fields, Docker& docker) {
  fields.read("disable_cache", docker.disable_cache);
  fields.read("volumes", docker.volumes);
  fields.read("volume_keep", docker.volume_keep);
  fields.read("volume_driver", docker.volume_driver);
  fields.read("volume_driver_ops", docker.volume_driver_ops);
  fields.read("cache_dir", docker.cache_dir);
  fields.read("volumes_from", docker.volumes_from);
}

void bind_images(const Fields& fields, Docker& docker) {
  fields.read("allowed_users", docker.allowed_users);
  fields.read("allowed_images", docker.allowed_images);
  fields.read("allowed_privileged_images", docker.allowed_privileged_images);
  fields.read("allowed_privileged_services", docker.allowed_privileged_services);
  fields.read("allowed_pull_policies", docker.allowed_pull_policies);
  fields.read("allowed_services", docker.allowed_services);
  fields.read("pull_policy", docker.pull_policy);
  fields.read("helper_image", docker.helper_image);
  fields.read("helper_image_flavor", docker.helper_image_flavor);
}

void bind_services(const Fields& fields, Docker& docker) {
  fields.read("services_privileged", docker.services_privileged);
  fields.read("services_security_opt", docker.services_security_opt);
  fields.read("services_devices", docker.services_devices);
  fields.read("services_tmpfs", docker.services_tmpfs);
  fields.read("services_limit", docker.services_limit);
  fields.read("service_memory", docker.service_memory);
  fields.read("service_memory_swap", docker.service_memory_swap);
  fields.read("service_memory_reservation", docker.service_memory_reservation);
  fields.read("service_cgroup_parent", docker.service_cgroup_parent);
  fields.read("service_cpuset_cpus", docker.service_cpuset_cpus);
  fields.read("service_cpus", docker.service_cpus);
  fields.read("service_cpu_shares", docker.service_cpu_shares);
  fields.read("service_gpus", docker.service_gpus);
  fields.read("wait_for_services_timeout", docker.wait_for_services_timeout);
  if (docker.wait_for_services_timeout.count() == 0)
    docker.wait_for_services_timeout = Docker{}.wait_for_services_timeout;
  for (const auto* table : fields.tables("services")) {
    const Fields one{*table};
    auto& service = docker.services.emplace_back();
    one.read("name", service.name);
    one.read("alias", service.alias);
    one.read("command", service.command);
    one.read("entrypoint", service.entrypoint);
    one.read("environment", service.environment);
  }
}

void bind_own_keys(const Fields& fields, Docker& docker, const std::string& path) {
  std::string agent = "auto";
  fields.read("agent", agent);
  if (agent != "auto" && agent != "off") {
    const auto& at = fields.find("agent")->source().begin;
    throw ConfigError{
        path, at.line, at.column,
        fmt::format("key \"runners.docker.agent\": \"{}\" is neither \"auto\" nor \"off\"", agent)};
  }
  docker.agent = agent == "off" ? AgentMode::off : AgentMode::automatic;
  if (const auto* dind = fields.table("dind")) docker.dind = bind_dind(*dind, path);
}

}  // namespace

Docker bind_docker(const toml::table& table, const std::string& path) {
  const Fields fields{table};
  Docker docker;
  bind_build_container(fields, docker);
  bind_volumes(fields, docker);
  bind_images(fields, docker);
  bind_services(fields, docker);
  bind_own_keys(fields, docker, path);
  return docker;
}

}  // namespace slipway::config
