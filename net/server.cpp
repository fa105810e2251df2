#include "net/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>
#include <list>

#include "net/served_exchange.hpp"
#include "net/tls.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::net {

namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Address = asio::generic::stream_protocol::endpoint;

/// How long a refused peer gets to read its answer before the connection is closed under it.
constexpr std::chrono::seconds linger_limit{2};
constexpr std::size_t linger_bytes = 16u << 20;
/// After a failed accept, mostly for want of file descriptors.
constexpr std::chrono::milliseconds accept_pause{100};

std::string address_text(const Address& address) {
  tcp::endpoint endpoint;
  const auto family = address.protocol().family();
  if ((family != AF_INET && family != AF_INET6) || address.size() > endpoint.capacity()) return {};
  std::memcpy(endpoint.data(), address.data(), address.size());
  endpoint.resize(address.size());
  const auto ip = endpoint.address();
  return fmt::format(fmt::runtime(ip.is_v6() ? "[{}]:{}" : "{}:{}"), ip.to_string(),
                     endpoint.port());
}

[[noreturn]] void refuse_listen(const Endpoint& endpoint, const std::string& cause) {
  throw Error{Step::connect, fmt::format("listen on {}: {}", endpoint.display(), cause)};
}

/// A socket file that nobody serves any more is left by a process that was killed.
void remove_dead_socket(asio::any_io_executor executor, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  asio::local::stream_protocol::socket probe{std::move(executor)};
  error_code error;
  probe.connect({path}, error);
  if (error == asio::error::connection_refused) ::unlink(path.c_str());
}

Address address_of(asio::any_io_executor executor, const Endpoint& endpoint) {
  if (endpoint.scheme == Endpoint::Scheme::unix_socket)
    return asio::local::stream_protocol::endpoint{endpoint.host};
  error_code not_an_address;
  const auto address = asio::ip::make_address(endpoint.host, not_an_address);
  if (!not_an_address) return tcp::endpoint{address, endpoint.port};
  tcp::resolver resolver{std::move(executor)};
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port),
                                      tcp::resolver::numeric_service);
  return found.begin()->endpoint();
}

struct Listener {
  Endpoint endpoint;
  Acceptor acceptor;
  TlsContext tls;
  bool unlink = false;
};

/// Peers come and go: what they break is no matter for an operator, what a handler breaks is.
void log_failure(const Request& request, const std::string& peer,
                 const std::exception_ptr& failure) {
  const auto path = request.target.substr(0, request.target.find('?'));
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    spdlog::debug("request failed method={} path={} peer={} cause=\"{}\"", request.method, path,
                  peer, error.what());
  } catch (const std::exception& error) {
    spdlog::warn("request failed method={} path={} peer={} cause=\"{}\"", request.method, path,
                 peer, error.what());
  } catch (...) {
    spdlog::warn("request failed method={} path={} peer={}", request.method, path, peer);
  }
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(asio::any_io_executor executor, ServeFunction serve, ServerOptions options)
      : executor_{executor},
        serve_{std::move(serve)},
        options_{options},
        connection_ended_{std::move(executor)} {}
  ~Impl() {
    for (auto& listener : listeners_) close(listener);
  }

  std::uint16_t listen(Endpoint endpoint);
  asio::awaitable<void> run();

 private:
  static void close(Listener& listener);
  asio::awaitable<void> accept_loop(Listener& listener, util::TaskGroup& tasks);
  asio::awaitable<void> serve_socket(Listener& listener, Socket socket);
  asio::awaitable<void> serve_peer(Listener& listener, Socket socket);
  asio::awaitable<bool> serve_one(Connection& connection, const std::string& peer);
  asio::awaitable<bool> handle(ServedExchange& exchange);

  asio::any_io_executor executor_;
  ServeFunction serve_;
  ServerOptions options_;
  std::list<Listener> listeners_;
  std::size_t connections_ = 0;
  util::Event connection_ended_;
};

std::uint16_t HttpServer::Impl::listen(Endpoint endpoint) {
  TlsContext tls;
  if (endpoint.scheme == Endpoint::Scheme::https) tls = server_context(endpoint.tls);
  const bool is_unix = endpoint.scheme == Endpoint::Scheme::unix_socket;
  if (is_unix) remove_dead_socket(executor_, endpoint.host);
  try {
    const auto address = address_of(executor_, endpoint);
    Acceptor acceptor{executor_};
    acceptor.open(address.protocol());
    if (!is_unix) acceptor.set_option(asio::socket_base::reuse_address{true});
    acceptor.bind(address);
    acceptor.listen();
    std::uint16_t port = 0;
    if (!is_unix) {
      tcp::endpoint bound;
      const auto local = acceptor.local_endpoint();
      std::memcpy(bound.data(), local.data(), local.size());
      port = bound.port();
    }
    listeners_.push_back({std::move(endpoint), std::move(acceptor), std::move(tls), is_unix});
    return port;
  } catch (const boost::system::system_error& error) {
    refuse_listen(endpoint, error.code().message());
  }
}

void HttpServer::Impl::close(Listener& listener) {
  error_code ignored;
  listener.acceptor.close(ignored);
  if (std::exchange(listener.unlink, false)) ::unlink(listener.endpoint.host.c_str());
}

asio::awaitable<void> HttpServer::Impl::run() {
  util::TaskGroup tasks{executor_};
  for (auto& listener : listeners_) tasks.start(accept_loop(listener, tasks));
  // Without a listener there is still somebody who waits to be cancelled.
  util::Event never{executor_};
  if (listeners_.empty()) tasks.start(never.wait());
  std::exception_ptr ended;
  try {
    co_await tasks.join();
  } catch (...) {
    ended = std::current_exception();
  }
  for (auto& listener : listeners_) close(listener);
  if (ended) std::rethrow_exception(ended);
}

asio::awaitable<void> HttpServer::Impl::accept_loop(Listener& listener, util::TaskGroup& tasks) {
  bool told = false;  // of a want that may last, once
  for (;;) {
    while (connections_ >= options_.max_connections) {
      connection_ended_.reset();
      co_await connection_ended_.wait();
    }
    Socket socket{executor_};
    error_code error;
    co_await listener.acceptor.async_accept(socket,
                                            asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
    if (error) {
      if (error != asio::error::connection_aborted && !std::exchange(told, true))
        spdlog::warn("accept failed address={} cause=\"{}\"", listener.endpoint.display(),
                     error.message());
      co_await util::sleep_for(accept_pause);
      continue;
    }
    told = false;
    ++connections_;
    auto work = serve_socket(listener, std::move(socket));
    tasks.start(std::move(work));
  }
}

asio::awaitable<void> HttpServer::Impl::serve_socket(Listener& listener, Socket socket) {
  std::exception_ptr failure;
  try {
    auto work = serve_peer(listener, std::move(socket));
    co_await std::move(work);
  } catch (const Error& error) {
    spdlog::debug("connection ended address={} cause=\"{}\"", listener.endpoint.display(),
                  error.what());
  } catch (...) {
    failure = std::current_exception();
  }
  --connections_;
  connection_ended_.set();
  if (!failure) co_return;
  // A connection's end is no reason to end the server.
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(failure);
  log_failure({}, {}, failure);
}

asio::awaitable<void> HttpServer::Impl::serve_peer(Listener& listener, Socket socket) {
  error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  if (gone) co_return;
  const auto peer = address_text(remote);
  const auto name = peer.empty() ? "a client of " + listener.endpoint.host : peer;
  if (!peer.empty()) {
    socket.set_option(tcp::no_delay{true}, gone);
    socket.set_option(asio::socket_base::keep_alive{true}, gone);
  }
  std::unique_ptr<Connection> connection;
  if (listener.tls) {
    auto accepting = tls_accept(std::move(socket), listener.tls, name, options_.head);
    connection = co_await std::move(accepting);
  } else {
    auto transport = plain_transport(std::move(socket));
    connection = std::make_unique<Connection>(std::move(transport), name);
  }
  while (co_await serve_one(*connection, peer)) connection->watchdog().rest();
}

/// One request and its answer; false when the connection is done for.
asio::awaitable<bool> HttpServer::Impl::serve_one(Connection& connection, const std::string& peer) {
  auto& watchdog = connection.watchdog();
  if (connection.input().empty()) {
    watchdog.start(Watchdog::reading, options_.idle, "no request");
    if (!co_await connection.fill()) co_return false;
  }
  watchdog.start(Watchdog::reading, options_.head, "no complete request");
  MessageReader reader{connection, request_parser(options_.max_head)};
  Response refusal;
  try {
    co_await reader.read_head();
  } catch (const Error& error) {
    if (error.step() != Step::protocol && error.step() != Step::limit) throw;
    refusal.status = error.step() == Step::limit ? 431 : 400;
  }
  watchdog.stop(Watchdog::reading);
  if (refusal.status == 0) {
    ServedExchange exchange{connection, reader, options_, peer};
    if (!co_await handle(exchange)) co_return false;
    if (exchange.keep_alive()) co_return true;
  } else {
    watchdog.start(Watchdog::writing, options_.idle, "nothing accepted");
    const auto head = encode_response(refusal, {Framing::Kind::length, 0}, true);
    co_await connection.write(head);
  }
  co_await connection.linger(linger_limit, linger_bytes);
  co_return false;
}

/// Runs the handler, and ends it when its peer goes away. False when nothing more can be said to
/// the peer.
asio::awaitable<bool> HttpServer::Impl::handle(ServedExchange& exchange) {
  std::exception_ptr failure;
  try {
    auto handler = serve_(exchange);
    auto watch = exchange.watch_peer();
    const auto first = co_await util::first_of(std::move(handler), std::move(watch));
    if (first == 1) co_return false;
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(failure);
    log_failure(exchange.request(), exchange.peer(), failure);
  }
  if (!exchange.started()) {
    Response response{500, {}, {{"Content-Type", "text/plain"}}, "internal error\n"};
    co_await exchange.respond(std::move(response));
  }
  if (!exchange.complete()) co_return false;
  co_await exchange.drain();
  co_return true;
}

HttpServer::HttpServer(asio::any_io_executor executor, ServeFunction serve, ServerOptions options)
    : impl_{std::make_unique<Impl>(std::move(executor), std::move(serve), options)} {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::listen(Endpoint endpoint) {
  return impl_->listen(std::move(endpoint));
}

asio::awaitable<void> HttpServer::run() {
  auto work = impl_->run();
  return work;
}

}  // namespace slipway::net
