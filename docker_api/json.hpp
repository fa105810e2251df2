#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "docker_api/types.hpp"
#include "docker_api/version.hpp"

/// The Engine's JSON from and to the types of types.hpp, pure. Absent and null members read as
/// empty, since the Engine leaves out what is empty; a member of another type than documented
/// throws nlohmann::json::exception, which decode() turns into an EngineError.
namespace slipway::docker_api {

/// Parses `body`, the answer to `call`, and hands it to `read`.
/// \throws EngineError with status 0, `unexpected answer to <call>`, for what is not JSON or not as
/// documented.
void decode(std::string_view call, std::string_view body,
            const std::function<void(const nlohmann::json&)>& read);

template <class T>
T decode_as(std::string_view call, std::string_view body, T (*read)(const nlohmann::json&)) {
  T value;
  decode(call, body, [&](const nlohmann::json& answer) { value = read(answer); });
  return value;
}

/// Throws EngineError if `object`, a line of a progress stream, reports a failure: such streams
/// begin with status 200.
void check_progress(std::string_view call, const nlohmann::json& object);

/// As text; bytes that are not UTF-8 are replaced, as the Engine's own client does.
std::string to_text(const nlohmann::json& value);

std::string text(const nlohmann::json& object, const char* key);
/// A member that must be there and not be empty.
std::string required_text(const nlohmann::json& object, const char* key);
std::int64_t number(const nlohmann::json& object, const char* key);
std::vector<std::string> texts(const nlohmann::json& object, const char* key);

/// \throws std::invalid_argument when host_config_extra is not a JSON object.
/// Engine API: body of POST /containers/create.
nlohmann::json container_body(const ContainerSpec& spec, ApiVersion version);
/// Engine API: body of POST /networks/create.
nlohmann::json network_body(const NetworkSpec& spec, ApiVersion version);
/// The value of the query parameter `filters`.
std::string label_filter(const std::vector<std::string>& labels);
/// `linux/arm/v7` as the JSON that image inspect takes. Engine API: OCI platform object.
nlohmann::json platform_object(std::string_view platform);

Info read_info(const nlohmann::json& answer);
ImageDetails read_image(const nlohmann::json& answer);
std::vector<ImageSummary> read_images(const nlohmann::json& answer);
std::vector<ImageRemoval> read_removals(const nlohmann::json& answer);
DiskUsage read_disk_usage(const nlohmann::json& answer);
ContainerDetails read_container(const nlohmann::json& answer);
std::vector<ContainerSummary> read_containers(const nlohmann::json& answer);
VolumeDetails read_volume(const nlohmann::json& answer);
std::vector<VolumeDetails> read_volumes(const nlohmann::json& answer);
NetworkDetails read_network(const nlohmann::json& answer);
std::vector<NetworkDetails> read_networks(const nlohmann::json& answer);
WaitResult read_wait(const nlohmann::json& answer);
EngineEvent read_event(const nlohmann::json& object);
PullProgress read_progress(const nlohmann::json& object);

}  // namespace slipway::docker_api
