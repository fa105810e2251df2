#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "util/asio_fwd.hpp"

namespace slipway::tests {

/// A forward proxy on loopback that tunnels every CONNECT, whatever its target, to one port of this
/// host.
class RelayProxy {
 public:
  /// \param answer  the head of its answers, with the empty line; anything but a 2xx ends the
  ///                connection.
  RelayProxy(asio::any_io_executor executor, std::uint16_t backend,
             std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n");

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  asio::awaitable<void> run();
  /// The heads of the requests so far.
  const std::vector<std::string>& heads() const { return heads_; }

 private:
  asio::awaitable<void> serve(asio::ip::tcp::socket socket);

  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t backend_;
  std::string answer_;
  std::vector<std::string> heads_;
};

}  // namespace slipway::tests
