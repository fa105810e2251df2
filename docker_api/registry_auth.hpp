#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "util/secret.hpp"

namespace slipway::docker_api {

/// Who one is at a registry. Members that are empty are not sent. Engine API: "Authentication".
struct RegistryAuth {
  std::string username;
  util::Secret password;
  std::string server_address;
  util::Secret identity_token;
  util::Secret registry_token;

  /// True if it says nothing but the address.
  bool anonymous() const {
    return username.empty() && identity_token.empty() && registry_token.empty();
  }
  friend bool operator==(const RegistryAuth&, const RegistryAuth&) = default;
};

/// The value of the header X-Registry-Auth: JSON as URL-safe base64 with padding.
util::Secret registry_auth_header(const RegistryAuth& auth);

/// Base64 of RFC 4648 §4 with padding; line ends in it are skipped. nullopt for anything else.
std::optional<std::string> decode_padded_base64(std::string_view text);
/// Base64 with padding; `url_safe` takes `-` and `_` for `+` and `/`.
std::string encode_base64(std::string_view bytes, bool url_safe = false);

}  // namespace slipway::docker_api
