#include "runner/metrics_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <stdexcept>

namespace slipway::runner {

namespace {

constexpr std::uint16_t default_port = 9252;
constexpr auto prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

/// Nobody may use up the daemon's file descriptors here.
net::ServerOptions options() {
  net::ServerOptions options;
  options.head = std::chrono::seconds{10};
  options.idle = std::chrono::seconds{30};
  options.max_connections = 32;
  return options;
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw std::runtime_error{fmt::format(
      "listen_address \"{}\": {}; expected [host]:port, as in \":9252\" or \"127.0.0.1:9252\"",
      text.substr(0, 255), why)};
}

std::uint16_t parse_port(std::string_view text, std::string_view port) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || port.empty())
    refuse(text, fmt::format("\"{}\" is not a port", port));
  return number;
}

bool has_ipv6() {
  const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe >= 0) ::close(probe);
  return probe >= 0;
}

net::Response plain(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

}  // namespace

net::Endpoint parse_listen_address(std::string_view text) {
  net::Endpoint endpoint;
  endpoint.port = default_port;
  auto host = text;
  auto rest = std::string_view{};
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) refuse(text, "the bracket is not closed");
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    if (host.empty()) refuse(text, "there is nothing in the brackets");
    if (!rest.empty() && !rest.starts_with(':')) refuse(text, "only a port may follow the bracket");
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos)
      refuse(text, "an IPv6 address must stand in brackets");
  } else if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    refuse(text, "a port alone needs a colon before it");
  }
  if (!rest.empty()) endpoint.port = parse_port(text, rest.substr(1));
  for (const unsigned char c : host)
    if (c <= ' ' || c == '/' || c == 127) refuse(text, "that is no host");
  endpoint.host = host;
  return endpoint;
}

MetricsServer::MetricsServer(asio::any_io_executor executor, const std::string& listen_address,
                             Pages pages)
    : pages_{std::move(pages)},
      server_{executor, [this](net::Exchange& exchange) { return serve(exchange); }, options()},
      endpoint_{parse_listen_address(listen_address)} {
  auto bound = endpoint_;
  if (bound.host.empty()) bound.host = has_ipv6() ? "::" : "0.0.0.0";
  try {
    port_ = server_.listen(std::move(bound));
  } catch (const net::Error& error) {
    throw std::runtime_error{fmt::format(
        "metrics server: {}; change listen_address (\"{}\") or leave it out to do without metrics",
        error.what(), listen_address)};
  }
  endpoint_.port = port_;
}

std::string MetricsServer::address() const {
  return endpoint_.display();
}

asio::awaitable<void> MetricsServer::serve(net::Exchange& exchange) {
  auto response = answer(exchange.request());
  co_await exchange.respond(std::move(response));
}

net::Response MetricsServer::answer(const net::Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = plain(405, "method not allowed\n");
    response.headers.add("Allow", "GET, HEAD");
    return response;
  }
  const auto path = request.target.substr(0, request.target.find('?'));
  if (path == "/metrics" && pages_.metrics) {
    auto response = plain(200, pages_.metrics());
    response.headers.set("Content-Type", prometheus_type);
    return response;
  }
  if (path == "/healthz") return plain(200, "ok\n");
  if (path == "/readyz" && pages_.ready)
    return pages_.ready() ? plain(200, "ok\n") : plain(503, "shutting down\n");
  if (path == "/health/ready" && pages_.ready)
    return pages_.ready() ? plain(200, "ready") : plain(503, "boot-verify pending");
  if (path == "/debug/process/state" && pages_.process_state)
    return plain(200, pages_.process_state());
  if (path == "/debug/jobs/list" && pages_.jobs) {
    auto response = plain(200, pages_.jobs());
    response.headers.add("X-List-Version", "2");
    return response;
  }
  if (path.starts_with("/debug/pprof/")) return plain(501, "there is no such profiler here\n");
  return plain(404, "not found\n");
}

}  // namespace slipway::runner
