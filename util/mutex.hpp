#pragma once

#include <list>
#include <utility>

#include "util/asio_fwd.hpp"
#include "util/condition.hpp"

namespace slipway::util {

/// Lets one coroutine at a time through a section that suspends. Must outlive its locks.
class Mutex {
 public:
  explicit Mutex(asio::any_io_executor executor) : freed_{std::move(executor)} {}

  /// Held until destroyed.
  class Lock {
   public:
    explicit Lock(Mutex& mutex) : mutex_{&mutex} {}
    Lock(Lock&& other) noexcept : mutex_{std::exchange(other.mutex_, nullptr)} {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    Mutex* mutex_;
  };

  /// Waits for its turn: those who wait are served in the order of their calls. Cancellation: any
  /// kind, the lock is not taken.
  asio::awaitable<Lock> lock();

 private:
  struct Turn;

  bool locked_ = false;
  std::list<Turn*> waiting_;
  Condition freed_;
};

}  // namespace slipway::util
