#pragma once

#include <optional>

#include "executors/cache_objects.hpp"
#include "job/cache_stage.hpp"
#include "runner/stages.hpp"

namespace slipway::runner {

/// Parameters of restore_cache, but for exported variables; nullopt if no cache of the job has
/// anything in it. What is to be said of a cache stands in its notes. `objects` may be null: caches
/// are local only. Pure. \throws job::Failure(runner_system_failure) for a policy that is none.
std::optional<job::RestoreCacheParameters> restore_cache_parameters(
    const StageInput& input, const executors::CacheObjects* objects);

/// Parameters of archive_cache (`success`) or archive_cache_on_failure, of the caches whose `when`
/// fits. As above.
std::optional<job::SaveCacheParameters> save_cache_parameters(
    const StageInput& input, bool success, const executors::CacheObjects* objects);

}  // namespace slipway::runner
