#pragma once

#include "util/asio_fwd.hpp"

namespace slipway::util {

/// Runs `work` to its end on an io_context of its own and in this thread: the root of a short-lived
/// program that has no other. \throws what `work` throws.
void run_to_end(asio::awaitable<void> work);

}  // namespace slipway::util
