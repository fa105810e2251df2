#pragma once

#include <string>
#include <string_view>

namespace slipway::docker_api {

/// The status with which Docker's own Engine refuses what an Engine that speaks its API refused
/// with `status` and `message`: Podman says 500 where Docker says 404 or 409. Everything else stays
/// as it is. `call` is the call's documented name.
int usual_status(std::string_view call, int status, std::string_view message);

/// What to do about a refusal of the version that was spoken, to be put behind the Engine's words;
/// "" for every other refusal. `pinned` is DOCKER_API_VERSION, "" = not set.
std::string version_advice(std::string_view message, std::string_view pinned);

}  // namespace slipway::docker_api
