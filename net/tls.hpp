#pragma once

#include <chrono>
#include <memory>

#include "net/connection.hpp"
#include "net/endpoint.hpp"

namespace boost::asio::ssl {
class context;
}

namespace slipway::net {

/// Settings shared by the connections of a client or of a listener: trust, own certificate, TLS 1.2
/// or newer. \throws Error with Step::tls when a PEM text cannot be used; keys do not appear in the
/// message.
// Owned by the client or listener and by handshakes under way.
using TlsContext = std::shared_ptr<asio::ssl::context>;

TlsContext client_context(const TlsOptions& options);
/// \throws Error, also when certificate or key is missing. A `ca` makes client certificates
/// obligatory.
TlsContext server_context(const TlsOptions& options);

/// Client handshake over a connected socket. `name` is the name or IP address that the certificate
/// must be valid for. \throws Error with Step::tls that says why a certificate was refused.
/// Cancellation: any kind; closes the socket.
asio::awaitable<std::unique_ptr<Connection>> tls_connect(Socket socket, TlsContext context,
                                                         std::string name, std::string peer,
                                                         std::chrono::milliseconds limit);
/// Server handshake.
asio::awaitable<std::unique_ptr<Connection>> tls_accept(Socket socket, TlsContext context,
                                                        std::string peer,
                                                        std::chrono::milliseconds limit);

}  // namespace slipway::net
