#pragma once

#include <string>
#include <string_view>

/// Names of helper images. Which one is used: Engine::helper_image().
namespace slipway::executors::docker {

/// The GitLab Runner whose behaviour is ours: in `helper_image` CI_RUNNER_VERSION is this one, so
/// that the documented `…:x86_64-v${CI_RUNNER_VERSION}` finds an image.
inline constexpr std::string_view compatible_version = "19.4.0";

/// GitLab Runner's own: `registry.gitlab.com/…/gitlab-runner-helper:[<flavor>-]<arch>-v<version>`.
/// \param architecture  as the Engine spells it. \param pwsh  of a runner with that shell.
std::string documented_helper_image(std::string_view flavor, std::string_view architecture,
                                    bool pwsh);

}  // namespace slipway::executors::docker
