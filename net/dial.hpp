#pragma once

#include <chrono>
#include <memory>

#include "net/connection.hpp"
#include "net/endpoint.hpp"
#include "net/tls.hpp"

namespace slipway::net {

/// Connects to `endpoint`: looks a name up (an address is used as it is, and no thread is started
/// for it), tries its addresses in order, and makes the TLS handshake with `context` for https.
/// With a proxy it is that which is looked up and connected to, and asked for a tunnel (CONNECT)
/// for https. \param connect    limit of lookup, connect and tunnel together, shared out over the
/// addresses;
///                   0 = none.
/// \param handshake  limit of the TLS handshake; 0 = none.
/// \throws Error naming the step. Cancellation: any kind, at once; a lookup that the system has
/// begun ends unobserved.
asio::awaitable<std::unique_ptr<Connection>> dial(Endpoint endpoint, TlsContext context,
                                                  std::chrono::milliseconds connect,
                                                  std::chrono::milliseconds handshake);

}  // namespace slipway::net
