#pragma once

#include <string_view>

#include "docker_api/client.hpp"

namespace slipway::docker_api {

/// Reads the header X-Docker-Container-Path-Stat, base64 of a JSON object whose mode is spelt as
/// Go's os.FileMode. \throws EngineError (status 0) for anything else.
Client::PathStat read_path_stat(std::string_view call, std::string_view header);

}  // namespace slipway::docker_api
