#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::net {

/// How TLS is spoken; ignored without TLS. Verification is always on, minimum TLS 1.2.
struct TlsOptions {
  /// PEM texts (not paths). `ca` is the only trust when `system_roots` is false, else it is added
  /// to them.
  std::string ca;
  bool system_roots = true;
  std::string certificate;
  std::string key;
  /// The name checked and sent (SNI) instead of the host that is dialled; "" = the host.
  std::string name;

  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

/// An HTTP proxy on the way to a peer. https is tunnelled through it (CONNECT), http is asked of it
/// with absolute targets.
struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string credentials;  ///< `user:password`, sent as Basic; "" = none. Never in a message

  /// `host:port`, for messages.
  std::string display() const;
};

/// Where a peer listens.
struct Endpoint {
  enum class Scheme { http, https, unix_socket };
  Scheme scheme = Scheme::http;
  std::string host;  ///< name or address (IPv6 without brackets); the socket's path for unix_socket
  std::uint16_t port = 0;
  TlsOptions tls;
  std::optional<Proxy> proxy{};  ///< unset = straight to the peer; not for unix_socket

  /// `host:port`, `[v6]:port` or the socket's path: for messages and the Host header (where the
  /// default port is left out).
  std::string display() const;
  std::string host_header() const;
};

/// A parsed absolute http or https URL. `path` begins with `/` (or is empty) and holds path and
/// query, no fragment.
struct Url {
  Endpoint::Scheme scheme = Endpoint::Scheme::http;
  std::string userinfo;
  std::string host;
  std::uint16_t port = 0;
  std::string path;
};

/// nullopt when the text is not an absolute http(s) URL with a host.
std::optional<Url> parse_url(std::string_view text);

}  // namespace slipway::net
