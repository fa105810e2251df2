#include "runner/cache_parameters.hpp"

#include <fmt/format.h>

#include "job/cache_key.hpp"
#include "job/failure.hpp"
#include "runner/git_parameters.hpp"

namespace slipway::runner {

namespace {

using executors::CacheObjects;
using executors::CacheSlot;

/// A cache's key under both schemes.
struct Key {
  std::string shown;  ///< as people know it
  CacheSlot slot;
  CacheSlot alternate;  ///< `key` "" = none
};

void warn(std::vector<job::CacheNote>& notes, std::string text) {
  notes.push_back({true, std::move(text)});
}
void say(std::vector<job::CacheNote>& notes, std::string text) {
  notes.push_back({false, std::move(text)});
}

/// nullopt for a key of which nothing is left. Two keys that mean the same directory are the same
/// key; a hashed one is taken as it is.
std::optional<Key> key_of(const std::string& raw, bool hashed, std::vector<job::CacheNote>& notes) {
  if (raw.empty()) return std::nullopt;
  auto clean = job::sanitized_cache_key(raw);
  const CacheSlot by_hash{job::hashed_cache_key(raw), true};
  if (hashed) return Key{raw, by_hash, {clean.value_or(""), false}};
  if (!clean) {
    warn(notes, fmt::format("cache key \"{}\" could not be sanitized", raw));
    return std::nullopt;
  }
  if (*clean != raw) warn(notes, fmt::format("cache key \"{}\" sanitized to \"{}\"", raw, *clean));
  return Key{*clean, {*clean, false}, by_hash};
}

/// What one job's caches have in common.
struct Context {
  const StageInput& input;
  const CacheObjects* objects;
  bool hashed;

  const job::Variables& variables() const { return input.environment.variables; }

  std::optional<Key> key(const job::Cache& cache, std::vector<job::CacheNote>& notes) const {
    auto raw = variables().expand(cache.key);
    if (raw.empty()) raw = job::default_cache_key(input.job.info.name, input.job.git.ref);
    return key_of(raw, hashed, notes);
  }
  std::string file(const CacheSlot& slot) const {
    if (slot.key.empty()) return "";
    return fmt::format("{}/{}/cache.zip", input.environment.cache_dir, slot.key);
  }
};

/// Whether a cache is to be pulled (or pushed). \throws for what is no policy.
bool allows(const Context& context, const job::Cache& cache, const char* way, const Key& key) {
  const auto policy = context.variables().expand(cache.policy);
  if (policy.empty() || policy == "pull-push") return true;
  if (policy != "pull" && policy != "push")
    throw job::Failure{job::FailureReason::runner_system_failure,
                       fmt::format("unknown cache policy {} for {}", policy, key.shown)};
  return policy == way;
}

bool has_content(const job::Cache& cache) {
  return !cache.paths.empty() || cache.untracked;
}

bool fits(const std::string& when, bool success) {
  if (when == "always") return true;
  return when == "on_failure" ? !success : success && (when.empty() || when == "on_success");
}

job::CacheCandidate candidate(const Context& context, const Key& key,
                              std::vector<job::CacheNote>& notes) {
  job::CacheCandidate candidate;
  candidate.key = key.shown;
  candidate.file = context.file(key.slot);
  if (context.objects == nullptr) return candidate;
  try {
    auto object = context.objects->to_restore(key.slot);
    if (!key.alternate.key.empty())
      candidate.alternate = context.objects->to_restore(key.alternate);
    candidate.object = std::move(object);
  } catch (const executors::CacheObjectsError& error) {
    warn(notes,
         fmt::format("Failed to obtain environment for cache {}: {}", key.shown, error.what()));
  }
  return candidate;
}

std::vector<Key> fallback_keys(const Context& context, const job::Cache& cache,
                               std::vector<job::CacheNote>& notes) {
  std::vector<Key> keys;
  const auto add = [&](const std::string& raw) {
    if (auto key = key_of(raw, context.hashed, notes)) keys.push_back(std::move(*key));
  };
  for (const auto& text : cache.fallback_keys) add(context.variables().expand(text));
  const auto own = context.variables().get("CACHE_FALLBACK_KEY");
  // Also what becomes such a key by being cleaned.
  if (job::names_protected_cache(own) ||
      job::names_protected_cache(job::sanitized_cache_key(own).value_or("")))
    warn(notes, fmt::format("CACHE_FALLBACK_KEY \"{}\" not allowed to end in \"-protected\"", own));
  else
    add(own);
  return keys;
}

job::CacheRestore restore(const Context& context, const job::Cache& cache) {
  job::CacheRestore restore;
  const auto key = context.key(cache, restore.notes);
  if (!key) {
    say(restore.notes, "Skipping cache extraction due to empty cache key");
    return restore;
  }
  if (!allows(context, cache, "pull", *key)) {
    say(restore.notes, fmt::format("Not downloading cache {} due to policy", key->shown));
    return restore;
  }
  restore.candidates.push_back(candidate(context, *key, restore.notes));
  for (const auto& fallback : fallback_keys(context, cache, restore.notes))
    restore.candidates.push_back(candidate(context, fallback, restore.notes));
  for (const auto& path : cache.paths) restore.paths.push_back(context.variables().expand(path));
  return restore;
}

void add_objects(const Context& context, const Key& key, job::CacheSave& save) {
  if (context.objects == nullptr) return;
  try {
    auto object = context.objects->to_save(key.slot, key.shown);
    save.url = std::move(object.url);
    save.check_url = std::move(object.check_url);
    save.headers = std::move(object.headers);
  } catch (const executors::CacheObjectsError& error) {
    warn(save.notes, fmt::format("Unable to generate cache upload environment: {}", error.what()));
  }
}

job::CacheSave save(const Context& context, const job::Cache& cache) {
  job::CacheSave save;
  const auto key = context.key(cache, save.notes);
  if (!key) {
    say(save.notes, "Skipping cache archiving due to empty cache key");
    return save;
  }
  if (!allows(context, cache, "push", *key)) {
    say(save.notes, fmt::format("Not uploading cache {} due to policy", key->shown));
    return save;
  }
  save.key = key->shown;
  save.file = context.file(key->slot);
  save.alternate_file = context.file(key->alternate);
  save.paths = cache.paths;
  save.untracked = cache.untracked;
  save.max_size = context.input.runner.cache.max_uploaded_archive_size;
  add_objects(context, *key, save);
  return save;
}

Context context_of(const StageInput& input, const CacheObjects* objects) {
  return {input, objects,
          feature_flag(input.runner, input.environment.variables, "FF_HASH_CACHE_KEYS")};
}

}  // namespace

std::optional<job::RestoreCacheParameters> restore_cache_parameters(const StageInput& input,
                                                                    const CacheObjects* objects) {
  const auto context = context_of(input, objects);
  job::RestoreCacheParameters parameters;
  for (const auto& cache : input.job.caches)
    if (has_content(cache)) parameters.caches.push_back(restore(context, cache));
  if (parameters.caches.empty()) return std::nullopt;
  parameters.project_dir = input.environment.project_dir;
  parameters.timeout = job_settings(input).cache_request_timeout;
  parameters.clean_up_failed =
      feature_flag(input.runner, input.environment.variables, "FF_CLEAN_UP_FAILED_CACHE_EXTRACT");
  return parameters;
}

std::optional<job::SaveCacheParameters> save_cache_parameters(const StageInput& input, bool success,
                                                              const CacheObjects* objects) {
  const auto context = context_of(input, objects);
  job::SaveCacheParameters parameters;
  for (const auto& cache : input.job.caches)
    if (has_content(cache) && fits(cache.when, success))
      parameters.caches.push_back(save(context, cache));
  if (parameters.caches.empty()) return std::nullopt;
  parameters.project_dir = input.environment.project_dir;
  parameters.timeout = job_settings(input).cache_request_timeout;
  return parameters;
}

}  // namespace slipway::runner
