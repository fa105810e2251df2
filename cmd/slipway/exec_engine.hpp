#pragma once

#include <string>

#include "util/asio_fwd.hpp"

namespace slipway::cmd {

/// Where the Engine's containers reach this host: the gateway of its default bridge. \throws Fatal:
/// no Engine, or one without such a network.
asio::awaitable<std::string> engine_gateway();

}  // namespace slipway::cmd
