#include "util/mutex.hpp"

namespace slipway::util {

Mutex::Lock::~Lock() {
  if (mutex_ == nullptr) return;
  mutex_->locked_ = false;
  mutex_->freed_.notify_all();
}

asio::awaitable<Mutex::Lock> Mutex::lock() {
  while (locked_) co_await freed_.wait();
  locked_ = true;
  co_return Lock{*this};
}

}  // namespace slipway::util
