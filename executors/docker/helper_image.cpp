#include "executors/docker/helper_image.hpp"

#include <fmt/format.h>

namespace slipway::executors::docker {

namespace {

std::string_view image_architecture(std::string_view engine) {
  if (engine == "amd64") return "x86_64";
  if (engine == "aarch64") return "arm64";
  if (engine == "armv6l" || engine == "armv7l") return "arm";
  return engine;
}

}  // namespace

std::string documented_helper_image(std::string_view flavor, std::string_view architecture,
                                    bool pwsh) {
  const bool named = !flavor.empty() && flavor != "alpine";
  return fmt::format(
      "registry.gitlab.com/gitlab-org/gitlab-runner/gitlab-runner-helper:{}{}{}-v{}{}",
      named ? flavor : "", named ? "-" : "", image_architecture(architecture), compatible_version,
      pwsh ? "-pwsh" : "");
}

}  // namespace slipway::executors::docker
