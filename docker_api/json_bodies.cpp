#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "docker_api/json.hpp"

namespace slipway::docker_api {

using nlohmann::json;

namespace {

template <class T>
void set_unless_empty(json& object, const char* key, const T& value) {
  if (!value.empty()) object[key] = value;
}

bool is_user_defined(std::string_view network_mode) {
  for (const std::string_view builtin : {"", "default", "bridge", "host", "none"})
    if (network_mode == builtin) return false;
  return !network_mode.starts_with("container:");
}

const char* kind_name(Mount::Kind kind) {
  switch (kind) {
    case Mount::Kind::bind:
      return "bind";
    case Mount::Kind::tmpfs:
      return "tmpfs";
    case Mount::Kind::volume:
      break;
  }
  return "volume";
}

json mount_object(const Mount& mount) {
  json object{{"Type", kind_name(mount.kind)}, {"Target", mount.target}};
  set_unless_empty(object, "Source", mount.source);
  if (mount.read_only) object["ReadOnly"] = true;
  if (mount.kind != Mount::Kind::volume) return object;
  json options = json::object();
  set_unless_empty(options, "Labels", mount.labels);
  if (!mount.driver.empty() || !mount.driver_options.empty()) {
    json driver = json::object();
    set_unless_empty(driver, "Name", mount.driver);
    set_unless_empty(driver, "Options", mount.driver_options);
    options["DriverConfig"] = std::move(driver);
  }
  set_unless_empty(object, "VolumeOptions", options);
  return object;
}

json host_config(const ContainerSpec& spec) {
  json config = json::object();
  set_unless_empty(config, "Binds", spec.binds);
  for (const auto& mount : spec.mounts) config["Mounts"].push_back(mount_object(mount));
  set_unless_empty(config, "NetworkMode", spec.network_mode);
  set_unless_empty(config, "ExtraHosts", spec.extra_hosts);
  if (spec.privileged) config["Privileged"] = true;
  if (spec.init) config["Init"] = true;
  config["RestartPolicy"]["Name"] = "no";
  if (!spec.log_driver.empty()) {
    config["LogConfig"]["Type"] = spec.log_driver;
    set_unless_empty(config["LogConfig"], "Config", spec.log_options);
  }
  if (spec.host_config_extra.empty()) return config;
  const auto extra = json::parse(spec.host_config_extra, nullptr, false);
  if (!extra.is_object()) throw std::invalid_argument{"host_config_extra is not a JSON object"};
  config.update(extra);
  return config;
}

json endpoints(const ContainerSpec& spec, ApiVersion version) {
  json settings = json::object();
  if (is_user_defined(spec.network_mode))
    set_unless_empty(settings, "Aliases", spec.network_aliases);
  if (version >= ApiVersion{1, 44}) set_unless_empty(settings, "MacAddress", spec.mac_address);
  if (settings.empty()) return settings;
  const auto& mode = spec.network_mode;
  return {{mode.empty() ? "default" : mode, std::move(settings)}};
}

}  // namespace

json container_body(const ContainerSpec& spec, ApiVersion version) {
  json body{{"Image", spec.image}};
  set_unless_empty(body, "Hostname", spec.hostname);
  set_unless_empty(body, "User", spec.user);
  set_unless_empty(body, "WorkingDir", spec.working_dir);
  set_unless_empty(body, "Cmd", spec.command);
  if (spec.entrypoint) body["Entrypoint"] = *spec.entrypoint;
  set_unless_empty(body, "Env", spec.env);
  set_unless_empty(body, "Labels", spec.labels);
  if (spec.open_stdin) {
    for (const auto* key : {"OpenStdin", "AttachStdin", "AttachStdout", "AttachStderr"})
      body[key] = true;
    body["StdinOnce"] = false;
  }
  set_unless_empty(body, "HostConfig", host_config(spec));
  if (auto config = endpoints(spec, version); !config.empty())
    body["NetworkingConfig"]["EndpointsConfig"] = std::move(config);
  return body;
}

json network_body(const NetworkSpec& spec, ApiVersion version) {
  json body{{"Name", spec.name}, {"EnableIPv6", spec.enable_ipv6}};
  set_unless_empty(body, "Labels", spec.labels);
  set_unless_empty(body, "Options", spec.options);
  if (!spec.subnet.empty()) {
    json config = json::array({json{{"Subnet", spec.subnet}}});
    body["IPAM"] = json{{"Config", std::move(config)}};
  }
  // Names are unique by themselves from 1.44 on.
  if (version < ApiVersion{1, 44}) body["CheckDuplicate"] = true;
  return body;
}

std::string label_filter(const std::vector<std::string>& labels) {
  json filter = json::object();
  set_unless_empty(filter, "label", labels);
  return to_text(filter);
}

json platform_object(std::string_view platform) {
  json object = json::object();
  constexpr std::array members{"os", "architecture", "variant"};
  for (const auto* name : members) {
    const auto slash = platform.find('/');
    if (const auto part = platform.substr(0, slash); !part.empty()) object[name] = part;
    if (slash == std::string_view::npos) break;
    platform.remove_prefix(slash + 1);
  }
  return object;
}

}  // namespace slipway::docker_api
