#include "net/dial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <vector>

#include "net/encode.hpp"
#include "net/message.hpp"
#include "net/proxy.hpp"

namespace slipway::net {

namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Address = asio::generic::stream_protocol::endpoint;

constexpr std::size_t max_tunnel_head = 16u << 10;

Clock::time_point deadline_after(Milliseconds limit) {
  return limit.count() > 0 ? Clock::now() + limit : Clock::time_point::max();
}

[[noreturn]] void throw_timeout(Step step, const std::string& peer, const char* what,
                                Milliseconds limit) {
  throw Error{step, describe(step, peer,
                             fmt::format("{} within {} s", what,
                                         static_cast<double>(limit.count()) / 1000))};
}

/// A lookup in the system's resolver, which cannot be interrupted: whoever waits can walk away from
/// it.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver{executor}, done{executor} {}
  tcp::resolver resolver;
  asio::steady_timer done;
  bool finished = false;
  error_code error;
  std::vector<tcp::endpoint> found;
};

asio::awaitable<std::vector<Address>> look_up(std::string host, std::uint16_t port,
                                              Milliseconds limit) {
  error_code not_an_address;
  const auto address = asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return std::vector<Address>{tcp::endpoint{address, port}};

  // Owned by this coroutine and by the resolver's handler.
  const auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
  lookup->done.expires_at(deadline_after(limit));
  lookup->resolver.async_resolve(
      host, std::to_string(port), tcp::resolver::numeric_service,
      [lookup](error_code error, const tcp::resolver::results_type& results) {
        lookup->finished = true;
        lookup->error = error;
        for (const auto& entry : results) lookup->found.push_back(entry.endpoint());
        lookup->done.cancel();
      });
  error_code ended;
  co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  if (!lookup->finished) {
    lookup->resolver.cancel();
    if (ended) throw boost::system::system_error{ended};
    throw_timeout(Step::resolve, host, "no answer", limit);
  }
  if (!lookup->error && lookup->found.empty()) lookup->error = asio::error::host_not_found;
  if (lookup->error)
    throw Error{Step::resolve, describe(Step::resolve, host, lookup->error.message())};
  co_return std::vector<Address>(lookup->found.begin(), lookup->found.end());
}

/// Detects a peer that vanished under a stream that is silent for hours, and never waits to fill a
/// packet.
void tune(Socket& socket, int family) {
  if (family == AF_UNIX) return;
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
}

asio::awaitable<Socket> connect_to(Address address, std::string peer, Milliseconds limit) {
  Socket socket{co_await asio::this_coro::executor};
  error_code error;
  socket.open(address.protocol(), error);
  if (error) throw Error{Step::connect, describe(Step::connect, peer, error.message())};
  tune(socket, address.protocol().family());
  std::optional<std::string> expired;
  {
    Watchdog watchdog{socket};
    watchdog.start(Watchdog::total, limit, "no answer");
    co_await socket.async_connect(address, asio::redirect_error(asio::use_awaitable, error));
    expired = watchdog.expired();
  }
  if (expired) throw Error{Step::connect, describe(Step::connect, peer, *expired)};
  if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
  if (error) throw Error{Step::connect, describe(Step::connect, peer, error.message())};
  co_return std::move(socket);
}

asio::awaitable<Socket> connect_any(std::vector<Address> addresses, std::string peer,
                                    Milliseconds limit) {
  const auto deadline = deadline_after(limit);
  std::exception_ptr failure;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Milliseconds share{0};
    if (limit.count() > 0) {
      const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) break;
      share = std::max(left / static_cast<int>(addresses.size() - i), Milliseconds{1});
    }
    try {
      auto attempt = connect_to(addresses[i], peer, share);
      co_return co_await std::move(attempt);
    } catch (const Error&) {
      // The first address is the preferred one: its failure is the one to tell.
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  throw_timeout(Step::connect, peer, "no answer", limit);
}

std::vector<Address> unix_address(const std::string& path) {
  try {
    return {asio::local::stream_protocol::endpoint{path}};
  } catch (const boost::system::system_error& error) {
    throw Error{Step::connect, describe(Step::connect, path, error.code().message())};
  }
}

/// Asks `proxy` for a tunnel to `target` (`host:port`): what is written to the socket afterwards
/// goes there. RFC 9110 §9.3.6.
asio::awaitable<Socket> tunnel(Socket socket, Proxy proxy, std::string target, Milliseconds limit) {
  const auto peer = "proxy " + proxy.display();
  auto transport = plain_transport(std::move(socket));
  Connection connection{std::move(transport), peer};
  connection.watchdog().start(Watchdog::total, limit, "no tunnel");
  Request request{"CONNECT", target, {}, ""};
  if (const auto credentials = proxy_authorization(proxy); !credentials.empty())
    request.headers.set("Proxy-Authorization", credentials);
  const auto head = encode_request(request, target, {}, "");
  co_await connection.write(head);
  const auto refuse = [&](std::string_view why) {
    throw Error{Step::connect, describe(Step::connect, target, fmt::format("{} {}", peer, why))};
  };
  while (true) {
    // The answer to CONNECT has no body, whatever its fields say.
    MessageReader reader{connection, response_parser(max_tunnel_head, /*no_body=*/true)};
    const bool answered = co_await reader.read_head();
    if (!answered) refuse("closed without an answer");
    const auto& answer = reader.head();
    if (answer.status >= 100 && answer.status < 200 && answer.status != 101) continue;
    if (answer.status < 200 || answer.status > 299)
      refuse(fmt::format("answered {} {}", answer.status, reason_phrase(answer.status)));
    break;
  }
  if (!connection.input().empty()) refuse("sent data before it was asked");
  co_return connection.take_socket();
}

}  // namespace

asio::awaitable<std::unique_ptr<Connection>> dial(Endpoint endpoint, TlsContext context,
                                                  Milliseconds connect, Milliseconds handshake) {
  const auto peer = endpoint.display();
  const bool secure = endpoint.scheme == Endpoint::Scheme::https;
  const auto& proxy = endpoint.proxy;
  const auto dialled = proxy ? "proxy " + proxy->display() : peer;
  const auto begin = Clock::now();
  const auto left = [connect, begin] {
    if (connect.count() <= 0) return connect;
    return std::max(connect - std::chrono::floor<Milliseconds>(Clock::now() - begin),
                    Milliseconds{1});
  };
  std::vector<Address> addresses;
  if (endpoint.scheme == Endpoint::Scheme::unix_socket) {
    addresses = unix_address(endpoint.host);
  } else {
    auto lookup =
        look_up(proxy ? proxy->host : endpoint.host, proxy ? proxy->port : endpoint.port, connect);
    addresses = co_await std::move(lookup);
  }
  auto attempt = connect_any(std::move(addresses), dialled, left());
  auto socket = co_await std::move(attempt);
  if (proxy && secure) {
    auto asking = tunnel(std::move(socket), *proxy, peer, left());
    socket = co_await std::move(asking);
  }
  if (!secure) {
    auto transport = plain_transport(std::move(socket));
    co_return std::make_unique<Connection>(std::move(transport), peer);
  }
  const auto& name = endpoint.tls.name.empty() ? endpoint.host : endpoint.tls.name;
  auto secured = tls_connect(std::move(socket), std::move(context), name, peer, handshake);
  co_return co_await std::move(secured);
}

}  // namespace slipway::net
