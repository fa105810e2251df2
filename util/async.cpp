#include "util/async.hpp"

#include <fmt/format.h>

namespace slipway::util {

TimeoutError::TimeoutError(std::chrono::milliseconds limit)
    : std::runtime_error{
          fmt::format("no answer within {} s", static_cast<double>(limit.count()) / 1000)} {}

asio::awaitable<void> sleep_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer{co_await asio::this_coro::executor, duration};
  co_await timer.async_wait(asio::use_awaitable);
}

void detail::rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway::util
