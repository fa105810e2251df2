#include "util/event.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace slipway::util {

Event::Event(asio::any_io_executor executor)
    : timer_{std::move(executor), asio::steady_timer::time_point::max()} {}

void Event::set() {
  set_ = true;
  timer_.cancel();
}

asio::awaitable<void> Event::wait() {
  while (!set_) {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    // set() and a cancellation of the waiter both end the timer's wait: only the latter throws.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error{asio::error::operation_aborted};
  }
}

}  // namespace slipway::util
