#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "executors/docker/plan_parts.hpp"

namespace slipway::executors::docker {

namespace {

/// The entry of `volumes` that the directory lies in: the innermost one.
const VolumeSpec* entry_over(const std::vector<VolumeSpec>& specs, const std::string& directory) {
  const VolumeSpec* innermost = nullptr;
  for (const auto& spec : specs) {
    const auto destination = clean_path(spec.destination);
    if (!is_same_or_parent(destination, directory)) continue;
    if (innermost == nullptr || destination.size() > clean_path(innermost->destination).size())
      innermost = &spec;
  }
  return innermost;
}

/// Somebody has said where the directory is to lie.
bool placed_by_hand(const VolumeInput& input, const std::string& directory) {
  if (const auto* entry = entry_over(input.specs, directory)) return !entry->source.empty();
  const auto over = [&](const auto& mount) {
    return is_same_or_parent(clean_path(mount.first), directory);
  };
  // What volumes another container brings along is not known here.
  return !input.docker.volumes_from.empty() || std::ranges::any_of(input.docker.tmpfs, over);
}

}  // namespace

bool uses_cache(const job::Job& job) {
  return std::ranges::any_of(
      job.caches, [](const job::Cache& cache) { return !cache.paths.empty() || cache.untracked; });
}

/// Slots have volumes of their own, so that two jobs at once do not meet in one. Archives of caches
/// may be met by any number of jobs: they only ever appear as a whole, and only the helper makes
/// them.
void plan_cache_store(const VolumeInput& input, Plan& plan,
                      std::vector<std::string>& helper_binds) {
  const auto directory = clean_path(plan.environment.cache_dir);
  if (input.docker.disable_cache || placed_by_hand(input, directory)) return;
  if (!input.docker.cache_dir.empty()) {
    helper_binds.push_back(fmt::format(
        "{}/{}/{}{}:{}", clean_path(std::filesystem::absolute(input.docker.cache_dir).string()),
        input.shared_storage_id, digest_hex("MD5", directory),
        input.is_protected ? "-protected" : "", directory));
    return;
  }
  VolumePlan volume;
  volume.destination = directory;
  volume.reusable = true;
  volume.name = cache_volume_name(input.shared_storage_id, directory, input.is_protected);
  plan.cache_store = std::move(volume);
}

}  // namespace slipway::executors::docker
