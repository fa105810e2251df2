#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::executors::docker {

/// Lower-case hex of OpenSSL's `algorithm` (`SHA256`, `MD5`) over `text`.
std::string digest_hex(const char* algorithm, std::string_view text);

/// Lower case, only [-a-z0-9], no leading punctuation, at most 63 characters.
std::string rfc1123(std::string_view text);

/// U: the name of a concurrency slot of a project; container names and the hostname begin with it.
std::string unique_name(std::string_view token, std::int64_t project, int project_slot);

/// H: what reusable cache volumes of that slot are named after.
std::string storage_id(std::string_view token, std::string_view system_id, std::int64_t project,
                       int project_slot);

/// What the volume of caches is named after, which all slots of a runner and project share.
std::string shared_storage_id(std::string_view token, std::string_view system_id,
                              std::int64_t project);

/// `<id>-cache-<md5 of destination>[-protected]`.
std::string cache_volume_name(std::string_view id, std::string_view destination, bool is_protected);

}  // namespace slipway::executors::docker
