#include "util/mutex.hpp"

namespace slipway::util {

Mutex::Lock::~Lock() {
  if (mutex_ == nullptr) return;
  mutex_->locked_ = false;
  mutex_->freed_.notify_all();
}

/// A place in the queue.
struct Mutex::Turn {
  explicit Turn(Mutex& owner) : mutex{owner} { mutex.waiting_.push_back(this); }
  Turn(const Turn&) = delete;
  ~Turn() {
    mutex.waiting_.remove(this);
    // Whoever is next may have been woken before it was.
    if (!mutex.locked_) mutex.freed_.notify_all();
  }
  bool has_come() const { return !mutex.locked_ && mutex.waiting_.front() == this; }

  Mutex& mutex;
};

asio::awaitable<Mutex::Lock> Mutex::lock() {
  const Turn turn{*this};
  while (!turn.has_come()) co_await freed_.wait();
  locked_ = true;
  co_return Lock{*this};
}

}  // namespace slipway::util
