#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "net/server.hpp"

namespace slipway::executors {

/// An Engine on a Unix socket for what a real one does not do on demand. Answers are given per
/// `METHOD path` (without version and query) in order, the last one again and again. Unknown calls
/// are answered with 501 and remembered.
class EngineDouble {
 public:
  struct Answer {
    int status = 204;
    std::string message;  ///< or, with status 200, the whole body
    bool hang = false;    ///< no answer ever
    std::chrono::milliseconds after{0};
  };

  explicit EngineDouble(asio::any_io_executor executor);
  ~EngineDouble();

  void on(const std::string& call, std::deque<Answer> answers) { script_[call] = answers; }
  net::Endpoint endpoint() const;
  asio::awaitable<void> run() { return server_.run(); }

  /// Calls so far, without pings, in the order of arrival.
  const std::vector<std::string>& calls() const { return calls_; }
  std::vector<std::string> unknown;
  int most_at_once = 0;  ///< calls

 private:
  asio::awaitable<void> serve(net::Exchange& exchange);

  std::map<std::string, std::deque<Answer>> script_;
  std::vector<std::string> calls_;
  int now_ = 0;
  std::string socket_;
  net::HttpServer server_;
};

}  // namespace slipway::executors
