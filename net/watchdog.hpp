#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "util/asio_fwd.hpp"

namespace slipway::net {

/// TCP and Unix sockets alike: one type, so that what is built on it is compiled once.
using Socket = asio::generic::stream_protocol::socket;

/// Closes a socket when a wait on its peer takes longer than allowed. Three waits are watched side
/// by side; one timer serves them all, and moving a limit further away (the common case: the next
/// piece arrived) does not touch it.
class Watchdog {
 public:
  enum Wait { reading, writing, total };

  explicit Watchdog(Socket& socket);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// From now on `wait` may take `limit`; 0 = for ever. `what` completes "… within 3 s"; a literal.
  void start(Wait wait, std::chrono::milliseconds limit, const char* what);
  void stop(Wait wait);
  /// Stops everything; no timer is pending afterwards.
  void rest();
  /// Text such as `no answer within 3 s` once a limit was passed and the socket closed.
  const std::optional<std::string>& expired() const;
  asio::any_io_executor executor() const;

 private:
  struct State;
  // Owned by this object and by the pending timer handler, which finds `socket` null when this
  // object is gone.
  std::shared_ptr<State> state_;
};

}  // namespace slipway::net
