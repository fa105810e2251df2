#pragma once

#include <string>
#include <utility>
#include <vector>

#include "helper/cache/object_client.hpp"

namespace slipway::helper::cache {

/// Sends the whole file `fd` by PUT, with `headers` as they were signed; tried again as
/// `retries` says. \throws ObjectError. Cancellation: any kind.
asio::awaitable<void> upload(ObjectClient& client, std::string url,
                             std::vector<std::pair<std::string, std::string>> headers, int fd,
                             Retries retries);

/// Whether HEAD finds an object. What cannot be asked counts as missing.
asio::awaitable<bool> exists(ObjectClient& client, std::string url);

}  // namespace slipway::helper::cache
