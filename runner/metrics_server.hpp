#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/endpoint.hpp"
#include "net/server.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::runner {

/// Reads the configuration's `listen_address`: `[host]:port`, 9252 without a port, all addresses
/// without a host. IPv6 addresses stand in brackets. \throws std::runtime_error that says what is
/// wrong.
net::Endpoint parse_listen_address(std::string_view text);

/// Serves what an operator looks at, without authentication and read-only:
///  - `GET /metrics`: Prometheus
///  - `GET /health/ready`, `/readyz`: 200, or 503; `/healthz`: 200 as long as the process serves
///  - `GET /debug/process/state`: one word
///  - `GET /debug/jobs/list`: one line per job
///  - `/debug/pprof/…`: 501, there is no such profiler
/// HEAD works everywhere, other methods get 405. Answers are made per request: nothing runs while
/// nobody asks. Single-threaded; must outlive run().
class MetricsServer {
 public:
  /// What the pages show; called at each request. Unset: 404.
  struct Pages {
    std::function<std::string()> metrics;
    std::function<bool()> ready;
    std::function<std::string()> process_state;
    std::function<std::string()> jobs;
  };

  /// Binds at once. \throws std::runtime_error naming the address and the cause: not an address, in
  /// use, not allowed.
  MetricsServer(asio::any_io_executor executor, const std::string& listen_address, Pages pages);

  std::uint16_t port() const { return port_; }
  /// `host:port` as bound, for the log.
  std::string address() const;

  /// Serves until cancelled (operation_aborted).
  asio::awaitable<void> run() { return server_.run(); }

 private:
  asio::awaitable<void> serve(net::Exchange& exchange);
  net::Response answer(const net::Request& request) const;

  Pages pages_;
  net::HttpServer server_;
  net::Endpoint endpoint_;
  std::uint16_t port_ = 0;
};

}  // namespace slipway::runner
