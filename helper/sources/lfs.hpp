#pragma once

#include <filesystem>

#include "helper/sources/process.hpp"

namespace slipway::helper {

/// Whether Git LFS may have work to do for the checked-out commit of a project: whether any
/// attribute file that counts for it speaks of `lfs`. True when it cannot be told. `hash_size`: as
/// for read_index(). Spares git-lfs, which reads the whole tree.
bool may_use_lfs(const std::filesystem::path& project_dir, std::size_t hash_size,
                 const Environment& environment);

/// Whether `git lfs` can be run: git-lfs is in PATH or among git's own programs.
bool has_lfs(const Environment& environment);

}  // namespace slipway::helper
