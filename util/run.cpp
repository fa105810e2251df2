#include "util/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

namespace slipway::util {

void run_to_end(asio::awaitable<void> work) {
  asio::io_context io{1};
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(work), [&failure](std::exception_ptr ended) { failure = ended; });
  io.run();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway::util
