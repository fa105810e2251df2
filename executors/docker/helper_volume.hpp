#pragma once

#include <optional>
#include <set>
#include <string>

#include "docker_api/client.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors::docker {

/// The named volume that carries `slipway-helper` into build and helper containers, read-only at
/// mount_point. Named after the binary's digest, so that an upgrade gets a volume of its own.
/// Filled through a container that is never started.
class HelperVolume {
 public:
  static constexpr auto mount_point = "/.slipway";
  static constexpr auto file_name = "slipway-helper";

  /// Reads the binary at `path`. \throws std::runtime_error naming the file if it cannot be read.
  HelperVolume(const std::string& path, std::string state_id);

  const std::string& name() const { return name_; }
  /// The mount for a create call.
  docker_api::Mount mount() const;
  /// Looks whether the volume is whole and fills it if not, through a container of `image`, which
  /// must be there. True if it had to be filled. \throws EngineError, net::Error,
  /// util::TimeoutError, std::runtime_error. Cancellation: reaches the caller when the work is
  /// done, for the carrier must go.
  asio::awaitable<bool> ensure(docker_api::Client& engine, std::string image);
  /// Names of the containers through which it is being filled just now: a sweep spares them.
  const std::set<std::string>& carriers() const { return carriers_; }

 private:
  asio::awaitable<bool> look_and_fill(docker_api::Client& engine, std::string image);
  asio::awaitable<bool> fill(docker_api::Client& engine, std::string carrier) const;

  std::string path_;
  std::size_t size_ = 0;
  std::string name_;
  std::string state_id_;
  std::set<std::string> carriers_;
};

}  // namespace slipway::executors::docker
