#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "helper/cache/object_client.hpp"

namespace slipway::helper::cache {

/// How large objects are moved.
struct Tuning {
  bool parallel = false;                 ///< FF_USE_PARALLEL_CACHE_TRANSFER
  std::uint64_t chunk_size = 16u << 20;  ///< CACHE_CHUNK_SIZE
  unsigned concurrency = 16;             ///< CACHE_CONCURRENCY
  Retries retries;
};

/// Fetches the archive at `url` to `file`, unless what is there is not older than the object. It
/// appears there only as a whole, with the object's time, and after its structure was looked at;
/// `metadata.json` beside it gets the object's metadata. In parallel, where that is wanted: in
/// chunks by several connections, if the server answers ranges; else by one. A chunk that breaks
/// off is tried again.
///
/// One try: what may pass is the caller's to try again. \throws ObjectError (also a 404: `file does
/// not exist`), archive::ArchiveError (what came is no archive), std::system_error (the disk is
/// full). Cancellation: any kind; nothing of it stays.
asio::awaitable<void> download(ObjectClient& client, std::string url, std::filesystem::path file,
                               Tuning tuning);

}  // namespace slipway::helper::cache
