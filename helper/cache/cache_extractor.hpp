#pragma once

#include <chrono>
#include <filesystem>

#include "helper/cache/download.hpp"
#include "job/cache_stage.hpp"

namespace slipway::helper::cache {

/// A cache to be restored.
struct ExtractRequest {
  std::filesystem::path project;
  std::filesystem::path file;  ///< the local archive, from the project directory
  job::CacheObject object;
  job::CacheObject alternate;
  std::chrono::milliseconds timeout = std::chrono::minutes{10};  ///< of one try
  Tuning tuning;
};

/// Fetches the newer of both objects, if there are any and it is not in the local store already,
/// then extracts the archive of the local store over what is in the project directory. The job's
/// log on stderr is told. Exit code of `cache-extractor`: 0, or 1 if there is no such cache or it
/// could not be fetched or extracted.
int extract_cache(const ExtractRequest& request);

}  // namespace slipway::helper::cache
