#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "util/asio_fwd.hpp"

namespace slipway::tests {

/// Runs the coroutine `test` (a callable that returns asio::awaitable<void>) on an io_context of
/// its own until it ends, and fails when that takes longer than `limit`. An exception that leaves
/// the coroutine leaves run_test too. What other coroutines still wait for when it ends is dropped
/// with the io_context.
template <class Test>
void run_test(Test test, std::chrono::seconds limit = std::chrono::seconds{10}) {
  auto io = std::make_unique<asio::io_context>(1);
  bool finished = false;
  std::exception_ptr failure;
  asio::co_spawn(*io, test(), [&](std::exception_ptr error) {
    finished = true;
    failure = error;
    io->stop();
  });
  io->run_for(limit);
  if (failure) std::rethrow_exception(failure);
  EXPECT_TRUE(finished) << "no end within " << limit.count() << " s";
}

}  // namespace slipway::tests
