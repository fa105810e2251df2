#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docker_api/error.hpp"
#include "docker_api/stream.hpp"
#include "docker_api/types.hpp"
#include "net/client.hpp"
#include "net/endpoint.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::docker_api {

/// `unix:///path`, `tcp://host:port`, `http(s)://…` plus the directory of ca.pem, cert.pem and
/// key.pem when `tls_verify`. \throws std::invalid_argument with the documented text (`unable to
/// parse docker host …`); file errors name the file.
net::Endpoint parse_host(std::string_view host, bool tls_verify, const std::string& cert_path);

/// Path inside the Engine where `host` has a base path; "" normally. (tcp://host:port/prefix)
std::string host_prefix(std::string_view host);

/// One Engine. Typed calls; the API version is negotiated at connect() and cached. Knows nothing of
/// jobs. Every call throws EngineError (the Engine's answer) or net::Error (no answer), has limits
/// on all its waits (see Patience), and may be cancelled (any kind; its effect on the Engine is
/// then unknown). Must outlive its calls. Single-threaded.
class Client {
 public:
  Client(asio::any_io_executor executor, net::Endpoint endpoint, std::string prefix = "");
  ~Client();

  /// Pings and negotiates: min(own maximum, Engine's), DOCKER_API_VERSION of the environment pins
  /// it. Idempotent. Engine API: HEAD /_ping.
  asio::awaitable<void> connect();
  /// The same whatever is known, on a new connection: for an Engine that may have been away, or is
  /// about to go. \throws net::Error after Patience::ping at the latest.
  asio::awaitable<void> reconnect();
  /// Grows whenever the Engine may have become another one since it was last looked at: a
  /// connection failed or was not answered in time, or an answer announced another version (which
  /// is spoken from then on).
  std::uint64_t disturbances() const;
  /// e.g. "1.41"; "" before connect().
  const std::string& api_version() const;
  bool supports(int major, int minor) const;
  /// False where the Engine makes the volumes of a container's mounts without their labels, as
  /// Podman does: they must be made beforehand.
  bool labels_mounted_volumes() const;

  asio::awaitable<Info> info();  ///< Engine API: GET /info

  asio::awaitable<ImageDetails> inspect_image(std::string name, std::string platform = "");
  /// Engine API: POST /images/create?fromImage=…; reads the progress to its end, throws EngineError
  /// on an error object within. `registry_auth` is the X-Registry-Auth value, "" = none. `progress`
  /// may be null.
  asio::awaitable<void> pull_image(std::string repository, std::string tag, std::string platform,
                                   std::string registry_auth,
                                   std::function<void(const PullProgress&)> progress = nullptr);
  /// Engine API: POST /images/create?fromSrc=-; the body is the tar archive (any compression the
  /// Engine knows) at `path`.
  asio::awaitable<void> import_image(std::string path, std::string repository, std::string tag,
                                     std::vector<std::string> changes);
  /// Takes the name from its image and removes the image with its last name; an id removes an image
  /// that has at most one. Parents stay. What happened, step by step. \throws EngineError (404;
  /// 409: a container uses it).
  asio::awaitable<std::vector<ImageRemoval>> remove_image(std::string name, bool force);
  /// Engine API: GET /images/json; with those in the middle of a build.
  asio::awaitable<std::vector<ImageSummary>> list_images();
  /// How much every image and volume takes. The Engine adds up whole directory trees for it:
  /// seconds to minutes of its disk's time. \throws EngineError; older Engines refuse while they
  /// are at it for somebody else. Engine API: GET /system/df.
  asio::awaitable<DiskUsage> disk_usage();

  /// Engine API: POST /containers/create. Warnings are logged.
  asio::awaitable<std::string> create_container(ContainerSpec spec);
  /// Attach to stdin, stdout and stderr; before start, or output is lost. Engine API: POST
  /// /containers/{id}/attach.
  asio::awaitable<std::unique_ptr<Attachment>> attach(std::string id, bool with_stdin);
  asio::awaitable<void> start_container(std::string id);  ///< 304 is success
  /// Waits until the container is not running, for ever as long as the Engine answers pings
  /// (`next-exit` waits for a coming end, so it may be called before start). Engine API: POST
  /// /containers/{id}/wait?condition=…
  asio::awaitable<WaitResult> wait_container(std::string id, std::string condition = "not-running");
  asio::awaitable<void> kill_container(std::string id, std::string signal);
  asio::awaitable<void> stop_container(std::string id, std::optional<int> seconds);
  /// `v` removes anonymous volumes. 404 is success; 409 "removal in progress" waits for it.
  asio::awaitable<void> remove_container(std::string id, bool force, bool v);
  asio::awaitable<ContainerDetails> inspect_container(std::string id);
  /// By label filters (`key=value` or `key`), running or not.
  asio::awaitable<std::vector<ContainerSummary>> list_containers(std::vector<std::string> labels);
  /// The last `tail` lines of output (negative: all), demultiplexed, and of these the first
  /// `max_bytes`. Engine API: GET /containers/{id}/logs.
  asio::awaitable<std::string> container_logs(std::string id, bool timestamps, int tail,
                                              std::size_t max_bytes);
  /// The last `max_bytes` of output. Engine API: GET /containers/{id}/logs.
  asio::awaitable<std::string> last_logs(std::string id, bool timestamps, std::size_t max_bytes);
  /// The last `tail` lines (negative: all), of these the ones from `since` on, and all that
  /// follows, to `sink`, until the container ends. Cancellation: any kind. Engine API: GET
  /// /containers/{id}/logs?follow=1.
  asio::awaitable<void> follow_logs(std::string id, bool timestamps, int tail,
                                    StreamParser::Sink sink, std::chrono::sys_seconds since = {});

  /// Engine API: PUT /containers/{id}/archive?path=…
  asio::awaitable<void> put_archive(std::string id, std::string path, std::string tar);
  /// What `path` is; nullopt when it or the container does not exist. `mode` holds the bits of
  /// POSIX, type included. Engine API: HEAD /containers/{id}/archive.
  struct PathStat {
    std::int64_t size = 0;
    std::uint32_t mode = 0;
  };
  asio::awaitable<std::optional<PathStat>> stat_path(std::string id, std::string path);
  /// Engine API: GET /containers/{id}/archive; the tar, at most `max_bytes`.
  asio::awaitable<std::string> get_archive(std::string id, std::string path, std::size_t max_bytes);

  /// Runs a command in a running container and returns its exit code; output goes to `sink`. No
  /// limit on the command's own time. Cancellation: any kind; the command runs on. \throws
  /// EngineError (409: the container is not running). Engine API: POST /containers/{id}/exec, POST
  /// /exec/{id}/start, GET /exec/{id}/json.
  asio::awaitable<int> exec(std::string id, std::vector<std::string> command,
                            StreamParser::Sink sink);

  asio::awaitable<VolumeDetails> create_volume(std::string name, Labels labels,
                                               std::string driver = "",
                                               std::map<std::string, std::string> options = {});
  asio::awaitable<std::vector<VolumeDetails>> list_volumes(std::vector<std::string> labels);
  asio::awaitable<void> remove_volume(std::string name, bool force);  ///< 404 is success

  asio::awaitable<std::string> create_network(NetworkSpec spec);
  asio::awaitable<NetworkDetails> inspect_network(std::string id);
  asio::awaitable<std::vector<NetworkDetails>> list_networks(std::vector<std::string> labels);
  asio::awaitable<void> disconnect_network(std::string network, std::string container, bool force);
  asio::awaitable<void> remove_network(std::string id);  ///< 404 is success

  /// Events that match `labels`, one call of `sink` each, until cancelled or the connection ends
  /// (then net::Error). Engine API: GET /events.
  asio::awaitable<void> watch_events(std::vector<std::string> labels,
                                     std::function<void(const EngineEvent&)> sink);

  /// Number of API calls made, for the summary of a job and the bench.
  std::uint64_t calls() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// A tar archive in memory, for put_archive(): directories, files with modes and owner 0:0.
class TarBuilder {
 public:
  void add_directory(std::string_view path, std::uint32_t mode);
  void add_file(std::string_view path, std::uint32_t mode, std::string_view content);
  /// The archive with its end marker.
  std::string finish();

 private:
  std::string data_;
};

}  // namespace slipway::docker_api
