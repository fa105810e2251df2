#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::docker_api {

/// A version of the Engine's API, `major.minor`.
struct ApiVersion {
  int major = 0;
  int minor = 0;

  auto operator<=>(const ApiVersion&) const = default;
  std::string text() const;
};

/// What slipway can speak.
inline constexpr ApiVersion minimum_version{1, 40};
inline constexpr ApiVersion maximum_version{1, 55};

/// `1.41`, also `v1.41`; nullopt for anything else.
std::optional<ApiVersion> parse_version(std::string_view text);

/// The version to speak: `pinned` (DOCKER_API_VERSION) if not empty, else the lower of slipway's
/// maximum and what the Engine announced in its header `API-Version`; slipway's maximum where it
/// announced nothing. \throws EngineError for a malformed pin and for an Engine older than
/// slipway's minimum. Engine API: "API versioning".
ApiVersion negotiate(std::string_view pinned, std::string_view announced);

}  // namespace slipway::docker_api
