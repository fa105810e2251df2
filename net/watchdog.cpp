#include "net/watchdog.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::net {

using Clock = std::chrono::steady_clock;

struct Watchdog::State : std::enable_shared_from_this<State> {
  struct Limit {
    Clock::time_point end = Clock::time_point::max();
    std::chrono::milliseconds length{};
    const char* what = "";
  };

  explicit State(Socket& watched) : socket{&watched}, timer{watched.get_executor()} {}

  Limit& nearest() {
    return *std::min_element(limits.begin(), limits.end(),
                             [](const Limit& a, const Limit& b) { return a.end < b.end; });
  }

  void wait_until(Clock::time_point end) {
    pending = end;
    timer.expires_at(end);
    timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error && self->socket) self->check();
    });
  }

  void check() {
    pending = Clock::time_point::max();
    const auto& limit = nearest();
    if (limit.end == Clock::time_point::max()) return;
    if (limit.end > Clock::now()) return wait_until(limit.end);
    expired =
        fmt::format("{} within {} s", limit.what, static_cast<double>(limit.length.count()) / 1000);
    boost::system::error_code ignored;
    socket->close(ignored);
  }

  Socket* socket;
  asio::steady_timer timer;
  std::array<Limit, 3> limits;
  Clock::time_point pending = Clock::time_point::max();
  std::optional<std::string> expired;
};

Watchdog::Watchdog(Socket& socket) : state_{std::make_shared<State>(socket)} {}

Watchdog::~Watchdog() {
  state_->socket = nullptr;
  state_->timer.cancel();
}

void Watchdog::start(Wait wait, std::chrono::milliseconds limit, const char* what) {
  if (limit.count() <= 0) return stop(wait);
  auto& entry = state_->limits[wait];
  entry = {Clock::now() + limit, limit, what};
  if (entry.end < state_->pending) state_->wait_until(entry.end);
}

void Watchdog::stop(Wait wait) {
  state_->limits[wait].end = Clock::time_point::max();
}

void Watchdog::rest() {
  for (auto& limit : state_->limits) limit.end = Clock::time_point::max();
  if (state_->pending == Clock::time_point::max()) return;
  state_->pending = Clock::time_point::max();
  state_->timer.cancel();
}

const std::optional<std::string>& Watchdog::expired() const {
  return state_->expired;
}

asio::any_io_executor Watchdog::executor() const {
  return state_->timer.get_executor();
}

}  // namespace slipway::net
