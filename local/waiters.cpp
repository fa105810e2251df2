#include "local/waiters.hpp"

#include "util/async.hpp"

namespace slipway::local {

asio::awaitable<bool> Waiters::wait(std::chrono::milliseconds limit) {
  struct Entry {
    std::list<util::Event*>& list;
    std::list<util::Event*>::iterator place;
    ~Entry() { list.erase(place); }
  };
  util::Event changed{executor_};
  const Entry entry{waiting_, waiting_.insert(waiting_.end(), &changed)};
  bool in_time = true;
  try {
    co_await util::with_timeout(changed.wait(), limit);
  } catch (const util::TimeoutError&) {
    in_time = false;
  }
  co_return in_time;
}

void Waiters::notify() {
  for (auto* event : waiting_) event->set();
}

}  // namespace slipway::local
