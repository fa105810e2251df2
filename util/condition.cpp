#include "util/condition.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace slipway::util {

Condition::Condition(asio::any_io_executor executor)
    : timer_{std::move(executor), asio::steady_timer::time_point::max()} {}

void Condition::notify_all() {
  ++generation_;
  timer_.cancel();
}

asio::awaitable<void> Condition::wait() {
  const auto seen = generation_;
  while (generation_ == seen) {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error{asio::error::operation_aborted};
  }
}

}  // namespace slipway::util
