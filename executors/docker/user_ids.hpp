#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::executors::docker {

/// Who a container's processes run as.
struct UserIds {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// From the last two lines of `id -u; id -g`; whatever an image prints before them does not matter.
std::optional<UserIds> parse_user_ids(std::string_view output);

}  // namespace slipway::executors::docker
