#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <list>

#include "util/asio_fwd.hpp"
#include "util/event.hpp"

namespace slipway::local {

/// Coroutines that wait for something to change; each looks again for itself when notified. Must
/// outlive its waiters.
class Waiters {
 public:
  explicit Waiters(asio::any_io_executor executor) : executor_{std::move(executor)} {}

  /// Waits for the next notify(): true; false after `limit`. Cancellation: any kind; throws
  /// operation_aborted.
  asio::awaitable<bool> wait(std::chrono::milliseconds limit);
  /// Wakes everybody who waits now, in the order in which they came.
  void notify();
  std::size_t size() const { return waiting_.size(); }

 private:
  asio::any_io_executor executor_;
  std::list<util::Event*> waiting_;
};

}  // namespace slipway::local
