#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::gitlab_api {

struct Unpacked {
  std::string bytes;
  bool whole = false;  ///< false: `packed` is broken or cut, or holds more than `max` bytes
};

/// What gzip packed (RFC 1952, one member or several), at most `max` bytes of it.
Unpacked gunzip(std::string_view packed, std::size_t max);

}  // namespace slipway::gitlab_api
