#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace slipway::executors::docker {

/// `host[:container[:permissions]]` of `devices` → HostConfig.Devices. \throws job::Failure.
nlohmann::json device_list(const std::vector<std::string>& specs);

/// The text of `gpus`, as the Docker command line reads it → HostConfig.DeviceRequests. `key` names
/// the setting in errors. \throws job::Failure.
nlohmann::json device_requests(const std::string& key, const std::string& text);

}  // namespace slipway::executors::docker
