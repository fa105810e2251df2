#pragma once

#include <boost/asio/steady_timer.hpp>

#include "util/asio_fwd.hpp"

namespace slipway::util {

/// A flag that coroutines of one thread wait for. Once set it stays set until reset().
/// Must outlive its waiters. Cancellation of wait(): any kind, throws operation_aborted.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);

  void set();
  void reset() { set_ = false; }
  bool is_set() const { return set_; }
  asio::awaitable<void> wait();

 private:
  bool set_ = false;
  asio::steady_timer timer_;
};

}  // namespace slipway::util
