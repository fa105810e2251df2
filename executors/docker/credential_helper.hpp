#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "docker_api/registry_auth.hpp"
#include "util/asio_fwd.hpp"

/// Programs `docker-credential-<name>` of this machine, found in PATH, that keep credentials. Each
/// call has 10 s and 1 MiB. Protocol: docker-credential-helpers, `list` and `get`.
namespace slipway::executors::docker {

/// A helper is missing, fails or talks nonsense. The text names it and holds no credentials.
class HelperError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The registries that the helper knows. \throws HelperError. Cancellation: any kind.
asio::awaitable<std::vector<std::string>> list_credentials(std::string helper);
/// What it knows of the registry `key`; anonymous if that is nothing. \throws HelperError.
/// Cancellation: any kind.
asio::awaitable<docker_api::RegistryAuth> get_credentials(std::string helper, std::string key);

}  // namespace slipway::executors::docker
