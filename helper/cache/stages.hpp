#pragma once

#include "job/cache_stage.hpp"

/// The native stages that restore and save caches. Both set this process's environment to the
/// stage's and return 0, whatever comes of a cache: a job goes on without.
namespace slipway::helper::cache {

/// `restore_cache`
int restore_caches(const job::RestoreCacheParameters& parameters);

/// `archive_cache`, `archive_cache_on_failure`
int save_caches(const job::SaveCacheParameters& parameters);

}  // namespace slipway::helper::cache
