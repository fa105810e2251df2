#include "executors/docker/subnets.hpp"

#include <fmt/format.h>

namespace slipway::executors::docker {

std::string small_subnet(unsigned number) {
  const auto offset = number % small_subnets * 64;
  return fmt::format("198.19.{}.{}/26", offset / 256, offset % 256);
}

}  // namespace slipway::executors::docker
