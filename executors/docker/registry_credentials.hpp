#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "docker_api/registry_auth.hpp"

/// Credentials for registries as Docker's clients keep them: what a configuration file says,
/// without any I/O. Paths of registries are normal ones: `host[:port][/path]`, the host in lower
/// case.
namespace slipway::executors::docker {

/// A client configuration that cannot be used. The text says why and holds nothing of it but names
/// of registries.
class BadClientConfig : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A credential helper is named that would lead to another directory: `path traversal is not
/// allowed`. Fails the pull whatever else is known.
class PathTraversal : public std::runtime_error {
 public:
  PathTraversal();
};

/// What a source says of one path: who one is there, or which helper knows.
struct RegistryEntry {
  std::string key;  ///< as written
  docker_api::RegistryAuth auth;
  std::string helper;  ///< <name> of docker-credential-<name>; "" = auth holds
};

/// Docker's `config.json`.
struct ClientConfig {
  std::map<std::string, RegistryEntry> auths;  ///< by path
  std::string store;                           ///< `credsStore`, "" = none
  std::map<std::string, std::string> helpers;  ///< `credHelpers`, by registry as written

  /// What holds for each path when the store lists `stored` (registries as written): the store
  /// overrides `auths`, and `helpers` override both.
  std::map<std::string, RegistryEntry> entries(const std::vector<std::string>& stored) const;
};

/// \throws BadClientConfig, PathTraversal.
ClientConfig parse_client_config(std::string_view text);

/// The registries that a store's `list` names. \throws BadClientConfig.
std::vector<std::string> parse_helper_list(std::string_view output);
/// What a helper's `get` says; its user `<token>` makes the secret an identity token. \throws
/// BadClientConfig.
docker_api::RegistryAuth parse_helper_answer(std::string_view output, const std::string& key);

/// The path that a key of a configuration stands for: `https://host/v1/` → `host`,
/// `index.docker.io` → `docker.io`, `host/group/project:tag/` → `host/group/project`.
std::string registry_path_of_key(std::string_view key);
/// Where credentials for an image are looked up, in this order: its whole path, then each parent up
/// to the host. `nginx` → `docker.io/nginx`, `docker.io`. Empty for what is no image name.
std::vector<std::string> registry_paths_of_image(std::string_view image);

}  // namespace slipway::executors::docker
