#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <deque>
#include <string>

#include "util/asio_fwd.hpp"
#include "util/task_group.hpp"

namespace slipway::tests {

/// A Unix socket in front of the Engine's that passes everything on, and cuts attach connections
/// after a given number of bytes from the Engine: a fault that the real Engine does not produce on
/// demand.
class EngineProxy {
 public:
  EngineProxy(asio::any_io_executor executor, std::string engine_socket, std::string own_socket);

  /// The next attach connections are cut after so many bytes each; later ones are left alone.
  void cut_attach_after(std::deque<std::size_t> bytes) { cuts_ = std::move(bytes); }
  std::size_t cuts_left() const { return cuts_.size(); }
  /// Serves until cancelled.
  asio::awaitable<void> run();

 private:
  using Socket = asio::local::stream_protocol::socket;
  struct Link {
    Link(Socket a, Socket b) : client{std::move(a)}, engine{std::move(b)} {}
    Socket client;
    Socket engine;
    bool limited = false;
    std::size_t left = 0;
  };
  asio::awaitable<void> serve(Socket client);
  asio::awaitable<void> to_engine(Link& link);
  asio::awaitable<void> to_client(Link& link);

  asio::any_io_executor executor_;
  std::string engine_socket_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::deque<std::size_t> cuts_;
  util::TaskGroup links_;
};

}  // namespace slipway::tests
