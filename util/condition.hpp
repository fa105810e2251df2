#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>

#include "util/asio_fwd.hpp"

namespace slipway::util {

/// "Something changed, look again": wakes everybody who waits. Unlike an Event it keeps no state,
/// so no waiter can take the news away from another. Must outlive its waiters. Cancellation of
/// wait(): any kind, throws operation_aborted.
class Condition {
 public:
  explicit Condition(asio::any_io_executor executor);

  void notify_all();
  /// Waits for the next notify_all().
  asio::awaitable<void> wait();

 private:
  std::uint64_t generation_ = 0;
  asio::steady_timer timer_;
};

}  // namespace slipway::util
