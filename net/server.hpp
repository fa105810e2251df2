#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "net/endpoint.hpp"
#include "net/error.hpp"
#include "net/http.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::net {

/// One request being served. Valid during its handler only.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Method, target and headers; `body` is empty until read_body().
  virtual const Request& request() const = 0;
  /// Address of the peer, `ip:port`; "" on a Unix socket.
  virtual std::string peer() const = 0;
  /// Reads the whole body; `Expect: 100-continue` is answered by the first read. \throws Error with
  /// Step::limit past `max_body` (the handler may still answer 413).
  virtual asio::awaitable<std::string> read_body(std::size_t max_body) = 0;
  /// Next piece of the body; 0 = end.
  virtual asio::awaitable<std::size_t> read_some(std::span<char> buffer) = 0;
  /// Sends a whole response. Exactly one of respond() and begin() per exchange; with neither, the
  /// server answers 500.
  virtual asio::awaitable<void> respond(Response response) = 0;
  /// Starts a chunked response (or one with the Content-Length among `response.headers`), then
  /// write(), then finish().
  virtual asio::awaitable<void> begin(Response response) = 0;
  virtual asio::awaitable<void> write(std::string_view data) = 0;
  virtual asio::awaitable<void> finish() = 0;
  /// Closes the connection without (further) answer: fault injection.
  virtual void drop() = 0;
};

/// Serves one exchange. An exception that leaves it becomes a 500 (if nothing was sent yet) and a
/// warning in the log.
using ServeFunction = std::function<asio::awaitable<void>(Exchange&)>;

struct ServerOptions {
  std::chrono::milliseconds head{30'000};  ///< a started request's headers; also the TLS handshake
  std::chrono::milliseconds idle{
      60'000};  ///< between pieces of a body, and of a kept-alive connection without request
  std::size_t max_head = 64u << 10;
  std::size_t max_connections = 1024;  ///< further ones wait in the listeners' queues
};

/// An HTTP/1.1 server on TCP, TLS or a Unix socket, several listeners at once. Single-threaded;
/// must outlive run().
class HttpServer {
 public:
  HttpServer(asio::any_io_executor executor, ServeFunction serve, ServerOptions options = {});
  ~HttpServer();

  /// Binds and listens at once. port 0 picks one. For https the endpoint's tls holds certificate
  /// and key; a `ca` there makes client certificates of that CA obligatory. Returns the bound port
  /// (0 for a Unix socket). \throws Error (address in use …).
  std::uint16_t listen(Endpoint endpoint);

  /// Serves until cancelled; then closes listeners and connections, waits for running handlers, and
  /// throws operation_aborted. A handler sees its peer's disconnect as an Error from read or
  /// respond.
  asio::awaitable<void> run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::net
