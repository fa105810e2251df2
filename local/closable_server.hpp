#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/endpoint.hpp"
#include "net/server.hpp"
#include "util/asio_fwd.hpp"
#include "util/event.hpp"

namespace slipway::local {

/// An HttpServer whose ports can be closed and opened again, for a coordinator that goes away.
/// Single-threaded; must outlive run().
class ClosableServer {
 public:
  ClosableServer(asio::any_io_executor executor, net::ServeFunction serve);
  ~ClosableServer();

  /// Binds at once; before run(). Returns the port. \throws net::Error.
  std::uint16_t listen(net::Endpoint endpoint);
  /// As HttpServer::run().
  asio::awaitable<void> run();

  /// Cuts every connection and refuses further ones until open(). The ports stay ours. Takes effect
  /// in the next steps of run().
  void close();
  void open();

 private:
  class ReservedPorts;

  asio::any_io_executor executor_;
  net::ServeFunction serve_;
  std::vector<net::Endpoint> endpoints_;  ///< with the ports that were bound
  std::unique_ptr<net::HttpServer> server_;
  bool closed_ = false;
  util::Event changed_;
};

}  // namespace slipway::local
