#include <openssl/evp.h>

#include <algorithm>
#include <set>

#include "local/ci/compiler.hpp"
#include "local/ci/glob.hpp"

namespace slipway::local::ci {
namespace {

std::string sha1(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result;
  for (unsigned int at = 0; at < size; ++at) {
    result += hex[digest[at] >> 4];
    result += hex[digest[at] & 15];
  }
  return result;
}

/// What git calls a file's content.
std::string blob_id(const std::string& content) {
  std::string blob = "blob " + std::to_string(content.size());
  blob += '\0';
  return sha1(blob + content);
}

/// Of the ids of all files that are there; `default` if none is.
std::string digest(const std::set<std::string>& ids) {
  if (ids.empty()) return "default";
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : "-") + id;
  return sha1(text);
}

std::set<std::string> content_ids(const CacheSpec& cache, FileSource& files) {
  std::set<std::string> ids;
  const auto add = [&](const std::string& path) {
    if (const auto content = files.read({}, path)) ids.insert(blob_id(*content));
  };
  for (const auto& pattern : cache.files) {
    if (pattern.find('*') == std::string::npos) {
      add(pattern);
      continue;
    }
    std::vector<std::string> matches;
    for (const auto& path : files.list({}))
      if (wildcard_matches(pattern, path)) matches.push_back(path);
    for (const auto& path : matches) add(path);
  }
  return ids;
}

std::set<std::string> commit_ids(const CacheSpec& cache, History& history) {
  std::set<std::string> ids;
  for (const auto& path : cache.files_commits)
    if (const auto id = history.last_commit_of(path)) ids.insert(*id);
  return ids;
}

}  // namespace

std::vector<CacheSpec> make_cache_keys(const JobSpec& spec, const RepositoryFacts& facts,
                                       FileSource& files, History& history) {
  auto caches = spec.caches;
  for (std::size_t at = 0; at < caches.size(); ++at) {
    auto& cache = caches[at];
    if (!cache.files.empty() || !cache.files_commits.empty()) {
      const auto ids = cache.files.empty() ? commit_ids(cache, history) : content_ids(cache, files);
      const auto prefix = cache.prefix.value_or("");
      cache.key = (prefix.empty() ? std::to_string(at) : prefix) + "-" + digest(ids);
    } else if (cache.key.empty()) {
      cache.key = "default";
    }
    // GitLab keeps caches of protected refs apart from the others.
    const auto* suffix = facts.ref_protected && !cache.unprotect ? "-protected" : "-non_protected";
    cache.key += suffix;
    for (auto& key : cache.fallback_keys) key += suffix;
  }
  return caches;
}

}  // namespace slipway::local::ci
