#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::job {

/// The key of a cache without one: job and ref, cleaned as a path below a root. May be empty.
std::string default_cache_key(std::string_view job_name, std::string_view ref);

/// The key as a relative path that leads nowhere else: escaped and backward slashes are slashes,
/// `.` and `..` are taken back, white space at the end is gone. nullopt if nothing is left, or if
/// no file can have that name. Keys that differ in these only are one cache.
std::optional<std::string> sanitized_cache_key(std::string_view raw);

/// What stands for any key at all (FF_HASH_CACHE_KEYS): its SHA-256, in lower-case hex.
std::string hashed_cache_key(std::string_view raw);

/// True for what may not be a `CACHE_FALLBACK_KEY`: a job of an unprotected ref would read the
/// caches of protected ones.
bool names_protected_cache(std::string_view key);

}  // namespace slipway::job
