#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gitlab_api/client.hpp"
#include "net/server.hpp"

namespace slipway::gitlab_api::testing {

/// One scripted answer.
struct Reply {
  enum class How {
    whole,
    close,  ///< the connection, without an answer
    cut,    ///< the connection, in the middle of the body
    hold,   ///< answers after `delay`
  };
  int status = 200;
  net::Headers headers;
  std::string body;
  How how = How::whole;
  std::chrono::milliseconds delay{0};
};

Reply json_reply(int status, std::string body, net::Headers headers = {});

/// A server on loopback that gives scripted answers in order and keeps what it was asked. A request
/// beyond the script is answered with 404 and counted in `unexpected`. Retries of its clients take
/// no time: their waits are kept in `sleeps`.
class FakeCoordinator {
 public:
  /// \param port  0 = any.
  explicit FakeCoordinator(asio::any_io_executor executor, net::TlsOptions tls = {},
                           std::uint16_t port = 0, std::string address = "127.0.0.1");

  asio::awaitable<void> serve();
  std::string url() const;
  std::uint16_t port() const { return port_; }
  ClientOptions options();
  const asio::any_io_executor& executor() const { return executor_; }
  void script(std::vector<Reply> replies);
  /// Body of the request with that index, parsed.
  std::string body(std::size_t index) const { return seen.at(index).body; }

  std::vector<net::Request> seen;
  std::vector<std::chrono::milliseconds> sleeps;
  std::chrono::steady_clock::time_point steady{};  ///< what clients take for the time
  std::chrono::system_clock::time_point now{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};
  int unexpected = 0;
  bool real_sleep = false;

 private:
  asio::awaitable<void> answer(net::Exchange& exchange);

  std::deque<Reply> script_;
  asio::any_io_executor executor_;
  bool tls_;
  std::string address_;
  net::HttpServer server_;
  std::uint16_t port_;
};

using CoordinatorTest = std::function<asio::awaitable<void>(FakeCoordinator&)>;

/// Runs `test` beside a served FakeCoordinator; fails when it takes longer than 10 s or the script
/// was overrun.
void run_with_coordinator(CoordinatorTest test);

}  // namespace slipway::gitlab_api::testing
