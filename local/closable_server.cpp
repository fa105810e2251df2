#include "local/closable_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "util/async.hpp"

namespace slipway::local {

/// Sockets that are bound and do not listen: connections to their ports are refused, and nobody
/// else is given these ports meanwhile.
class ClosableServer::ReservedPorts {
 public:
  ReservedPorts(const asio::any_io_executor& executor,
                const std::vector<net::Endpoint>& endpoints) {
    using asio::ip::tcp;
    for (const auto& endpoint : endpoints) {
      boost::system::error_code error;
      const auto address = asio::ip::make_address(endpoint.host, error);
      if (error || endpoint.scheme == net::Endpoint::Scheme::unix_socket) continue;
      const tcp::endpoint place{address, endpoint.port};
      tcp::socket socket{executor};
      socket.open(place.protocol());
      socket.set_option(asio::socket_base::reuse_address{true});
      socket.bind(place);
      sockets_.push_back(std::move(socket));
    }
  }

 private:
  std::vector<asio::ip::tcp::socket> sockets_;
};

ClosableServer::ClosableServer(asio::any_io_executor executor, net::ServeFunction serve)
    : executor_{executor},
      serve_{std::move(serve)},
      server_{std::make_unique<net::HttpServer>(executor, serve_)},
      changed_{executor} {}

ClosableServer::~ClosableServer() = default;

std::uint16_t ClosableServer::listen(net::Endpoint endpoint) {
  endpoint.port = server_->listen(endpoint);
  endpoints_.push_back(endpoint);
  return endpoint.port;
}

asio::awaitable<void> ClosableServer::run() {
  while (true) {
    if (!closed_) {
      changed_.reset();
      auto serving = server_->run();
      auto closing = changed_.wait();
      co_await util::first_of(std::move(serving), std::move(closing));
    }
    server_.reset();
    const ReservedPorts reserved{executor_, endpoints_};
    while (closed_) {
      changed_.reset();
      co_await changed_.wait();
    }
    server_ = std::make_unique<net::HttpServer>(executor_, serve_);
    for (const auto& endpoint : endpoints_) server_->listen(endpoint);
  }
}

void ClosableServer::close() {
  closed_ = true;
  changed_.set();
}

void ClosableServer::open() {
  if (!std::exchange(closed_, false)) return;
  changed_.set();
}

}  // namespace slipway::local
