#include "local/ci/read_parts.hpp"

namespace slipway::local::ci {
namespace {

void check_key(const Field& field, const std::string& key) {
  if (key.find('/') != std::string::npos || key.find("%2F") != std::string::npos ||
      key.find("%2f") != std::string::npos)
    field.fail("should not contain '/'");
  if (key.find_first_not_of('.') == std::string::npos) field.fail("should not be only dots");
}

void read_key(const Field& field, CacheSpec& cache) {
  if (!field.is_mapping()) {
    if (field.is_null() || !field.node().is_scalar()) field.expected("a string or a mapping");
    cache.key = field.node().text();
    check_key(field, cache.key);
    return;
  }
  field.only_keys({"files", "files_commits", "prefix"});
  const auto files = field.find("files");
  const auto commits = field.find("files_commits");
  if (files && commits) field.fail("files and files_commits cannot be used together");
  if (!files && !commits) field.fail("files or files_commits is missing");
  auto& paths = files ? cache.files : cache.files_commits;
  paths = (files ? files : commits)->texts();
  if (paths.empty()) (files ? files : commits)->fail("should name at least one file");
  if (paths.size() > 2) (files ? files : commits)->fail("should not name more than two files");
  if (const auto prefix = field.find("prefix")) {
    cache.prefix = prefix->scalar();
    check_key(*prefix, *cache.prefix + "x");
  }
}

void check_policy(const Field& field, const std::string& policy) {
  if (policy == "pull-push" || policy == "pull" || policy == "push") return;
  if (policy.starts_with('$') && policy.size() > 1) return;
  field.fail("should be pull-push, pull, push or a variable");
}

CacheSpec read_cache(const Field& field) {
  CacheSpec cache;
  field.only_keys({"key", "paths", "policy", "when", "untracked", "unprotect", "fallback_keys"});
  if (const auto key = field.find("key")) read_key(*key, cache);
  if (const auto paths = field.find("paths")) cache.paths = paths->texts();
  if (const auto policy = field.find("policy")) {
    cache.policy = policy->text();
    check_policy(*policy, cache.policy);
  }
  if (const auto when = field.find("when"))
    cache.when = when->one_of({"on_success", "on_failure", "always"});
  if (const auto untracked = field.find("untracked")) cache.untracked = untracked->boolean();
  if (const auto unprotect = field.find("unprotect")) cache.unprotect = unprotect->boolean();
  if (const auto fallback = field.find("fallback_keys")) {
    cache.fallback_keys = fallback->texts();
    if (cache.fallback_keys.size() > 5) fallback->fail("should not have more than five entries");
  }
  return cache;
}

}  // namespace

std::vector<CacheSpec> read_caches(const Field& field) {
  constexpr std::size_t max_caches = 4;
  std::vector<CacheSpec> result;
  if (field.is_null()) return result;
  if (field.is_list()) {
    for (const auto& item : field.items()) result.push_back(read_cache(item));
    if (result.size() > max_caches) field.fail("should not have more than four entries");
    return result;
  }
  if (!field.is_mapping()) field.expected("a mapping or a list of mappings");
  // `cache: {}` and `cache: []` take away a default.
  if (!field.node().entries().empty()) result.push_back(read_cache(field));
  return result;
}

}  // namespace slipway::local::ci
