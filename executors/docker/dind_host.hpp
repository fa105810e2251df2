#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::executors::docker {

/// What the engine of a Docker-in-Docker service should know of the machine it runs on: the
/// Engine's host, when that is this machine.
struct DindHost {
  /// The Engine is on this machine. If not, nothing of the rest is known.
  bool local = false;
  int uplink_mtu = 0;                  ///< bytes; 0 = unknown
  std::vector<std::string> resolvers;  ///< IP addresses, none of them loopback
  /// Keys of a daemon.json that the administrator mounts into the service; nullopt: one is mounted,
  /// but nobody knows what is in it.
  std::optional<std::set<std::string>> daemon_keys{std::set<std::string>{}};
};

/// Where Linux tells it.
struct HostFiles {
  std::filesystem::path routes = "/proc/net/route";
  std::filesystem::path ipv6_routes = "/proc/net/ipv6_route";
  std::filesystem::path interfaces = "/sys/class/net";
  std::filesystem::path resolvers = "/etc/resolv.conf";
  /// Used where the former names nothing but a stub on this machine: systemd-resolved's own list.
  std::filesystem::path real_resolvers = "/run/systemd/resolve/resolv.conf";
};

/// MTU of the interface of the default route: the smaller one where IPv4 and IPv6 leave by
/// different ones. 0 if there is none.
int uplink_mtu(const HostFiles& files = {});

/// The nameservers of the host that containers can reach, at most three, as resolv.conf(5) has it.
std::vector<std::string> host_resolvers(const HostFiles& files = {});

/// Keys at the top of a dockerd configuration file; nullopt if it cannot be read.
std::optional<std::set<std::string>> daemon_file_keys(const std::filesystem::path& file);

/// What a container has over its /etc/docker/daemon.json, or over a directory in which that lies.
struct DaemonFileMount {
  std::string destination;
  std::filesystem::path source;  ///< on this machine; "" = nobody knows what is there
};
inline constexpr std::string_view daemon_file = "/etc/docker/daemon.json";

/// DindHost::daemon_keys for a container with these mounts, of which the longest destination shows.
std::optional<std::set<std::string>> mounted_daemon_keys(
    const std::vector<DaemonFileMount>& mounts);

}  // namespace slipway::executors::docker
