#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "docker_api/json.hpp"
#include "docker_api/json_members.hpp"

namespace slipway::docker_api {

using nlohmann::json;

namespace {

/// `80/tcp` → 80; nullopt for other protocols and what is no port.
std::optional<int> tcp_port(std::string_view exposed) {
  if (!exposed.ends_with("/tcp")) return std::nullopt;
  exposed.remove_suffix(4);
  int port = 0;
  const auto* end = exposed.data() + exposed.size();
  const auto [stop, error] = std::from_chars(exposed.data(), end, port);
  if (error != std::errc{} || stop != end || port < 1 || port > 65535) return std::nullopt;
  return port;
}

std::vector<int> tcp_ports(const json& config) {
  std::vector<int> ports;
  for (const auto& name : keys(config, "ExposedPorts"))
    if (const auto port = tcp_port(name)) ports.push_back(*port);
  std::sort(ports.begin(), ports.end());
  return ports;
}

ContainerSummary read_summary(const json& answer) {
  ContainerSummary container;
  container.id = required_text(answer, "Id");
  container.names = texts(answer, "Names");
  for (auto& name : container.names)
    if (name.starts_with('/')) name.erase(0, 1);
  container.state = text(answer, "State");
  container.labels = labels(answer, "Labels");
  container.image = text(answer, "Image");
  container.image_id = text(answer, "ImageID");
  for (const auto& mount : each(member(answer, "Mounts")))
    if (text(mount, "Type") == "volume") container.volumes.push_back(text(mount, "Name"));
  return container;
}

/// `DriverStatus` is a list of pairs.
bool names_snapshotter(const json& status) {
  for (const auto& pair : each(status)) {
    const auto& words = each(pair);
    if (words.size() == 2 && words[0] == "driver-type" &&
        words[1] == "io.containerd.snapshotter.v1")
      return true;
  }
  return false;
}

std::map<std::string, std::vector<std::string>> read_addresses(const json& settings) {
  std::map<std::string, std::vector<std::string>> addresses;
  const auto& networks = member(settings, "Networks");
  if (networks.is_null()) return addresses;
  for (const auto& [name, network] : networks.get_ref<const json::object_t&>()) {
    auto& list = addresses[name];
    for (const auto* key : {"IPAddress", "GlobalIPv6Address"})
      if (auto address = text(network, key); !address.empty()) list.push_back(std::move(address));
  }
  return addresses;
}

void read_health(const json& state, const json& check, ContainerDetails& container) {
  container.health = text(state, "Status");
  const auto& log = each(member(state, "Log"));
  if (!log.empty()) container.health_output = text(log.back(), "Output");
  container.health_interval = std::chrono::nanoseconds{number(check, "Interval")};
  if (const auto at_start = number(check, "StartInterval"); at_start > 0)
    container.health_interval = std::chrono::nanoseconds{at_start};
}

}  // namespace

Info read_info(const json& answer) {
  Info info;
  info.id = text(answer, "ID");
  info.name = text(answer, "Name");
  info.os_type = text(answer, "OSType");
  info.architecture = text(answer, "Architecture");
  info.kernel_version = text(answer, "KernelVersion");
  info.server_version = text(answer, "ServerVersion");
  info.root_dir = text(answer, "DockerRootDir");
  info.containerd_images = names_snapshotter(member(answer, "DriverStatus"));
  info.security_options = texts(answer, "SecurityOptions");
  info.own_address_pools = !each(member(answer, "DefaultAddressPools")).empty();
  return info;
}

ImageDetails read_image(const json& answer) {
  ImageDetails image;
  image.id = required_text(answer, "Id");
  image.repo_tags = texts(answer, "RepoTags");
  image.repo_digests = texts(answer, "RepoDigests");
  image.os = text(answer, "Os");
  image.architecture = text(answer, "Architecture");
  image.variant = text(answer, "Variant");
  const auto& config = member(answer, "Config");
  image.user = text(config, "User");
  image.env = texts(config, "Env");
  image.entrypoint = texts(config, "Entrypoint");
  image.command = texts(config, "Cmd");
  image.exposed_tcp_ports = tcp_ports(config);
  image.volumes = keys(config, "Volumes");
  image.labels = labels(config, "Labels");
  return image;
}

ContainerDetails read_container(const json& answer) {
  ContainerDetails container;
  container.id = required_text(answer, "Id");
  container.name = text(answer, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  container.image = text(answer, "Image");
  const auto& state = member(answer, "State");
  container.status = text(state, "Status");
  container.running = flag(state, "Running");
  container.oom_killed = flag(state, "OOMKilled");
  container.exit_code = static_cast<int>(number(state, "ExitCode"));
  container.error = text(state, "Error");
  const auto& config = member(answer, "Config");
  read_health(member(state, "Health"), member(config, "Healthcheck"), container);
  container.env = texts(config, "Env");
  container.exposed_tcp_ports = tcp_ports(config);
  container.labels = labels(config, "Labels");
  container.addresses = read_addresses(member(answer, "NetworkSettings"));
  return container;
}

std::vector<ContainerSummary> read_containers(const json& answer) {
  return read_each(answer, read_summary);
}

VolumeDetails read_volume(const json& answer) {
  VolumeDetails volume{required_text(answer, "Name"), text(answer, "Driver"),
                       labels(answer, "Labels"), text(answer, "CreatedAt")};
  if (const auto& usage = member(answer, "UsageData"); !usage.is_null())
    volume.size = number(usage, "Size");
  return volume;
}

std::vector<VolumeDetails> read_volumes(const json& answer) {
  return read_each(member(answer, "Volumes"), read_volume);
}

namespace {
/// `172.17.0.0/16` → `172.17.0.1`; "" for anything but an IPv4 subnet.
std::string first_host(const std::string& subnet) {
  in_addr address{};
  if (::inet_pton(AF_INET, subnet.substr(0, subnet.find('/')).c_str(), &address) != 1) return "";
  address.s_addr = htonl(ntohl(address.s_addr) + 1);
  char text[INET_ADDRSTRLEN] = {};
  return ::inet_ntop(AF_INET, &address, text, sizeof text) == nullptr ? "" : text;
}
}  // namespace

NetworkDetails read_network(const json& answer) {
  NetworkDetails network;
  network.id = required_text(answer, "Id");
  network.name = text(answer, "Name");
  network.driver = text(answer, "Driver");
  network.labels = labels(answer, "Labels");
  const auto& pools = member(member(answer, "IPAM"), "Config");
  if (!pools.is_null())
    for (const auto& pool : pools.get_ref<const json::array_t&>()) {
      auto gateway = text(pool, "Gateway");
      // Engine 20.10 names none for its default bridge until its second start; it takes the first
      // address.
      if (gateway.empty() && network.name == "bridge") gateway = first_host(text(pool, "Subnet"));
      if (!gateway.empty()) network.gateways.push_back(std::move(gateway));
    }
  network.containers = keys(answer, "Containers");
  return network;
}

std::vector<NetworkDetails> read_networks(const json& answer) {
  return read_each(answer, read_network);
}

WaitResult read_wait(const json& answer) {
  WaitResult result;
  result.status_code = answer.at("StatusCode").get<std::int64_t>();
  result.error = text(member(answer, "Error"), "Message");
  return result;
}

EngineEvent read_event(const json& object) {
  EngineEvent event;
  event.type = text(object, "Type");
  event.action = text(object, "Action");
  const auto& actor = member(object, "Actor");
  event.actor = text(actor, "ID");
  event.attributes = labels(actor, "Attributes");
  event.time_nano = number(object, "timeNano");
  return event;
}

PullProgress read_progress(const json& object) {
  PullProgress progress;
  progress.id = text(object, "id");
  progress.status = text(object, "status");
  const auto& detail = member(object, "progressDetail");
  progress.current = number(detail, "current");
  progress.total = number(detail, "total");
  return progress;
}

}  // namespace slipway::docker_api
