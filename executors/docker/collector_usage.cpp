#include "executors/docker/collector_usage.hpp"

#include "executors/docker/image_name.hpp"

namespace slipway::executors::docker {

std::string canonical_image_name(std::string_view name) {
  const auto parsed = parse_image_name(name);
  if (!parsed) return std::string{name};
  auto text = parsed->qualified_repository();
  if (!parsed->digest.empty()) return text + "@" + parsed->digest;
  return text + ":" + (parsed->tag.empty() ? "latest" : parsed->tag);
}

}  // namespace slipway::executors::docker
