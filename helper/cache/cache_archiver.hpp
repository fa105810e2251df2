#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "helper/cache/object_client.hpp"
#include "helper/cache/store.hpp"
#include "helper/file_choice.hpp"

namespace slipway::helper::cache {

/// A cache to be saved.
struct ArchiveRequest {
  FileChoice choice;
  std::filesystem::path file;            ///< in the local store, from the project directory
  std::filesystem::path alternate_file;  ///< where it was under the other scheme of keys
  std::string url;                       ///< PUT; "" = nothing is sent
  std::string check_url;                 ///< HEAD
  std::vector<std::pair<std::string, std::string>> headers;  ///< of the PUT, as signed
  std::uint64_t max_size = 0;  ///< of an archive that is sent, in bytes; 0 = any
  Metadata metadata;
  std::chrono::milliseconds timeout = std::chrono::minutes{10};  ///< of one try
  Retries retries;
  std::string level;   ///< CACHE_COMPRESSION_LEVEL
  std::string format;  ///< CACHE_COMPRESSION_FORMAT: tarzstd, zipzstd, else zip
  std::function<std::optional<std::string>(std::string_view)> lookup = [](std::string_view) {
    return std::nullopt;
  };  ///< of variables
};

/// Makes the archive anew if a file of the cache is younger than it, in the local store, and sends
/// it; one that is not older than its files is sent only if the server has none. The job's log on
/// stderr is told. Exit code of `cache-archiver`: 0 also when there was nothing to save, else 1.
int archive_cache(const ArchiveRequest& request);

}  // namespace slipway::helper::cache
