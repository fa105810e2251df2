#pragma once

#include <boost/asio/awaitable.hpp>

/// What public headers need of Asio: awaitable and the namespace alias. Sources include the rest.
namespace slipway {
namespace asio = boost::asio;
}  // namespace slipway
