#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "docker_api/types.hpp"

namespace slipway::docker_api {

/// Members of an answer's object; absent and null ones read as empty. \throws
/// nlohmann::json::exception for another type.
const nlohmann::json& member(const nlohmann::json& object, const char* key);
bool flag(const nlohmann::json& object, const char* key);
std::vector<std::string> keys(const nlohmann::json& object, const char* key);
Labels labels(const nlohmann::json& object, const char* key);

}  // namespace slipway::docker_api
