#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace slipway::docker_api {

using Labels = std::map<std::string, std::string>;

/// Engine API: GET /info, the parts that are used.
struct Info {
  std::string id;  ///< drawn once per data root; "" where an Engine gives none
  std::string name;
  std::string os_type;
  std::string architecture;
  std::string kernel_version;
  std::string server_version;
  std::string root_dir;  ///< on the Engine's host: images, volumes, containers
  /// Images and containers lie in containerd's own directory instead of `root_dir`.
  bool containerd_images = false;
  std::vector<std::string> security_options;
  /// The administrator has said where networks get their addresses from.
  bool own_address_pools = false;
};

/// Engine API: GET /images/{name}/json.
struct ImageDetails {
  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::string os;
  std::string architecture;
  std::string variant;
  std::string user;
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<int> exposed_tcp_ports;  ///< ascending
  std::vector<std::string> volumes;
  Labels labels;  ///< a container made of it has them, too
};

/// One image of a list. Engine API: GET /images/json, GET /system/df.
struct ImageSummary {
  std::string id;
  std::string parent;  ///< set by the Engine's old builder only
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;  ///< `repository@digest`
  std::int64_t size = 0;                  ///< bytes, with the layers it shares with others
};

/// One step of DELETE /images/{name}: a name that is gone, or an image (layer).
struct ImageRemoval {
  std::string untagged;
  std::string deleted;
};

/// A mount of a create call. Engine API: HostConfig.Mounts.
struct Mount {
  enum class Kind { bind, volume, tmpfs };
  Kind kind = Kind::volume;
  std::string source;  ///< volume name ("" = anonymous) or host path
  std::string target;
  bool read_only = false;
  Labels labels;  ///< of a volume made by the call; an existing volume keeps its own
  std::string driver;
  std::map<std::string, std::string> driver_options;
};

/// Everything slipway may send with POST /containers/create. Empty and absent members are not sent,
/// unless said otherwise.
struct ContainerSpec {
  std::string name;
  std::string platform;
  std::string image;
  std::string hostname;
  std::string user;
  std::string working_dir;
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> env;
  Labels labels;
  bool open_stdin = false;  ///< also AttachStdin/Stdout/Stderr; StdinOnce is always false
  std::vector<std::string> binds;
  std::vector<Mount> mounts;
  std::string network_mode;
  std::vector<std::string>
      network_aliases;      ///< endpoint aliases in the user-defined network `network_mode`
  std::string mac_address;  ///< sent from API 1.44 on; older Engines get none
  std::vector<std::string> extra_hosts;
  bool privileged = false;
  bool init = false;
  std::string log_driver;  ///< `none`, `json-file`
  std::map<std::string, std::string> log_options;
  /// Further HostConfig members as the Engine spells them (Memory, CapAdd …), merged last; a JSON
  /// object as text, "" = none.
  std::string host_config_extra;
};

/// Engine API: GET /containers/{id}/json, the parts that are used.
struct ContainerDetails {
  std::string id;
  std::string name;
  std::string image;
  std::string status;  ///< created, running, exited …
  bool running = false;
  bool oom_killed = false;
  int exit_code = 0;
  std::string error;
  /// Of its HEALTHCHECK: starting, healthy, unhealthy; "" or none without one.
  std::string health;
  std::string health_output;  ///< what the last check printed
  /// From the start to the first check, and between checks; 0 = the Engine's default.
  std::chrono::nanoseconds health_interval{0};
  std::vector<std::string> env;
  std::vector<int> exposed_tcp_ports;
  /// network → addresses (IPv4 first, then global IPv6)
  std::map<std::string, std::vector<std::string>> addresses;
  Labels labels;
};

struct ContainerSummary {
  std::string id;
  std::vector<std::string> names;
  std::string state;
  Labels labels;
  std::string image;     ///< as named at its creation
  std::string image_id;  ///< the image itself, whatever its name is now
  std::vector<std::string> volumes;
};

struct VolumeDetails {
  std::string name;
  std::string driver;
  Labels labels;
  std::string created_at;  ///< RFC 3339
  std::int64_t size = -1;  ///< bytes; known from GET /system/df only, -1 = unknown
};

/// What lies in the Engine's data root. Engine API: GET /system/df.
struct DiskUsage {
  std::vector<ImageSummary> images;
  std::vector<VolumeDetails> volumes;
};

struct NetworkDetails {
  std::string id;
  std::string name;
  std::string driver;
  Labels labels;
  std::vector<std::string> gateways;
  std::vector<std::string> containers;  ///< ids plugged in
};

/// Engine API: POST /networks/create.
struct NetworkSpec {
  std::string name;
  Labels labels;
  bool enable_ipv6 = false;
  std::map<std::string, std::string> options;
  std::string subnet;  ///< `a.b.c.d/n`; "" = the Engine chooses
};

/// Engine API: body of POST /containers/{id}/wait.
struct WaitResult {
  std::int64_t status_code = 0;
  std::string error;
};

/// One line of a pull or import. Engine API: POST /images/create.
struct PullProgress {
  std::string id;
  std::string status;
  std::int64_t current = 0;
  std::int64_t total = 0;
};

/// Engine API: GET /events.
struct EngineEvent {
  std::string type;
  std::string action;
  std::string actor;
  Labels attributes;
  std::int64_t time_nano = 0;
};

}  // namespace slipway::docker_api
