#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"
#include "net/endpoint.hpp"
#include "tests/bench/samples.hpp"
#include "util/asio_fwd.hpp"
#include "util/task_group.hpp"

namespace slipway::bench {

/// One request that passed the proxy.
struct ProxiedCall {
  std::string method;
  std::string path;  ///< without version and query
  Clock::time_point at;
};

/// A Unix socket in front of the Engine that passes bytes on as they are and notes every HTTP
/// request; an upgraded connection is one request. Single-threaded; must outlive run().
class CountingProxy {
 public:
  /// Listens at once. \throws boost::system::system_error.
  CountingProxy(asio::any_io_executor executor, std::string socket_path, net::Endpoint engine);
  /// Serves until cancelled, then throws operation_aborted.
  asio::awaitable<void> run();
  const std::vector<ProxiedCall>& calls() const { return calls_; }

 private:
  asio::awaitable<void> serve(net::Socket socket);
  asio::awaitable<void> accept();

  asio::any_io_executor executor_;
  net::Endpoint engine_;
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor_;
  util::TaskGroup connections_;
  std::vector<ProxiedCall> calls_;
};

}  // namespace slipway::bench
