#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "docker_api/limits.hpp"
#include "net/server.hpp"

namespace slipway::docker_api {

/// What the fake Engine says to one call.
struct Answer {
  int status = 200;
  std::string body;
  net::Headers headers;
  /// Sent one by one, chunked, instead of `body`.
  std::vector<std::string> pieces;
  /// `mute`: not even the head is sent.
  enum class End { whole, drop, hang, mute } end = End::whole;
};

/// Limits of a fraction of a second, until it is destroyed.
class Impatience {
 public:
  Impatience() {
    auto& limits = limits::patience();
    limits.silence = std::chrono::milliseconds{50};
    limits.ping = std::chrono::milliseconds{150};
    limits.query = std::chrono::milliseconds{300};
  }
  Impatience(const Impatience&) = delete;
  ~Impatience() { limits::patience() = saved_; }

 private:
  Patience saved_ = limits::patience();
};

/// An Engine with scripted answers on a Unix socket, for what a real one does not do on demand.
/// Answers are given per `METHOD path` (query left out), in order, the last one again and again; an
/// unknown call fails the test.
class FakeEngine {
 public:
  using Script = std::map<std::string, std::vector<Answer>>;

  FakeEngine(asio::any_io_executor executor, Script script);
  ~FakeEngine();

  net::Endpoint endpoint() const;
  asio::awaitable<void> run() { return server_.run(); }
  /// Every request so far, bodies included.
  const std::vector<net::Request>& requests() const { return requests_; }

 private:
  asio::awaitable<void> serve(net::Exchange& exchange);
  Answer next_answer(const net::Request& request);

  Script script_;
  std::string socket_;
  std::vector<net::Request> requests_;
  net::HttpServer server_;
};

using FakeEngineTest = std::function<asio::awaitable<void>(Client&, FakeEngine&)>;

/// Runs `test` against a fake Engine with `script`, which answers pings itself and announces API
/// version 1.41.
void with_engine(FakeEngine::Script script, FakeEngineTest test);

/// Awaits `work` and returns the EngineError it throws; anything else fails the test.
template <class T>
asio::awaitable<EngineError> engine_error(asio::awaitable<T> work) {
  std::optional<EngineError> failure;
  try {
    co_await std::move(work);
  } catch (const EngineError& e) {
    failure = e;
  }
  if (!failure) throw std::logic_error{"the call succeeded"};
  co_return *failure;
}

}  // namespace slipway::docker_api
