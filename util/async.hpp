#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "util/asio_fwd.hpp"

/// The few ways in which coroutines of slipway run side by side. Everything started here is waited
/// for here: nobody is orphaned, and a failure is never dropped.
namespace slipway::util {

/// A wait took longer than its limit.
class TimeoutError : public std::runtime_error {
 public:
  explicit TimeoutError(std::chrono::milliseconds limit);
};

/// Suspends for `duration`. Cancellation: any kind; throws operation_aborted.
asio::awaitable<void> sleep_for(std::chrono::milliseconds duration);

namespace detail {
template <class T>
struct Outcome {
  std::exception_ptr failure;
  T value{};
};
template <>
struct Outcome<void> {
  std::exception_ptr failure;
};
void rethrow(const std::exception_ptr& failure);
}  // namespace detail

/// Runs `work`; past `limit` cancels it, waits for its end, then throws TimeoutError.
/// A result that came in time is kept even if the timer fired meanwhile. T must be
/// default-constructible.
template <class T>
asio::awaitable<T> with_timeout(asio::awaitable<T> work, std::chrono::milliseconds limit) {
  using namespace asio::experimental;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, limit};
  auto race = make_parallel_group(asio::co_spawn(executor, std::move(work), asio::deferred),
                                  timer.async_wait(asio::deferred));
  if constexpr (std::is_void_v<T>) {
    auto [order, failure, timer_error] =
        co_await race.async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1 && !timer_error && failure) throw TimeoutError{limit};
    detail::rethrow(failure);
  } else {
    auto [order, failure, value, timer_error] =
        co_await race.async_wait(wait_for_one(), asio::use_awaitable);
    if (order[0] == 1 && !timer_error && failure) throw TimeoutError{limit};
    detail::rethrow(failure);
    co_return std::move(value);
  }
}

/// Runs both to their end. The first to fail cancels the other, and its exception is the one
/// thrown.
inline asio::awaitable<void> both(asio::awaitable<void> a, asio::awaitable<void> b) {
  using namespace asio::experimental;
  const auto executor = co_await asio::this_coro::executor;
  auto group = make_parallel_group(asio::co_spawn(executor, std::move(a), asio::deferred),
                                   asio::co_spawn(executor, std::move(b), asio::deferred));
  auto [order, first, second] =
      co_await group.async_wait(wait_for_one_error(), asio::use_awaitable);
  detail::rethrow(order[0] == 0 ? first : second);
  detail::rethrow(order[0] == 0 ? second : first);
}

/// Runs both; the first to end, well or not, cancels the other and decides: its failure is thrown,
/// its index returned.
inline asio::awaitable<std::size_t> first_of(asio::awaitable<void> a, asio::awaitable<void> b) {
  using namespace asio::experimental;
  const auto executor = co_await asio::this_coro::executor;
  auto group = make_parallel_group(asio::co_spawn(executor, std::move(a), asio::deferred),
                                   asio::co_spawn(executor, std::move(b), asio::deferred));
  auto [order, first, second] = co_await group.async_wait(wait_for_one(), asio::use_awaitable);
  detail::rethrow(order[0] == 0 ? first : second);
  co_return order[0];
}

/// Runs `work` to its end whatever happens to the caller: a cancellation reaches the caller at its
/// next wait. For calls that make something whose name only their answer tells, and for removals;
/// `work` needs a limit of its own.
template <class T>
asio::awaitable<T> shielded(asio::awaitable<T> work) {
  const auto executor = co_await asio::this_coro::executor;
  auto running =
      asio::co_spawn(executor, std::move(work),
                     asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
  co_return co_await std::move(running);
}

}  // namespace slipway::util
