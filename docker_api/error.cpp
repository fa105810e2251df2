#include "docker_api/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace slipway::docker_api {

EngineError::EngineError(std::string call, int status, std::string message)
    : std::runtime_error{fmt::format("Error response from daemon: {} ({})", message, call)},
      call_{std::move(call)},
      status_{status},
      message_{std::move(message)} {}

}  // namespace slipway::docker_api
