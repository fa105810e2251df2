#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace slipway::job {

/// A line that the daemon has to say about a cache, printed where that cache's turn comes.
struct CacheNote {
  bool warning = false;  ///< else a notice
  std::string text;
};

/// An object of a cache server, by URLs that were signed for one method each; "" = there is none.
struct CacheObject {
  std::string url;       ///< GET
  std::string head_url;  ///< HEAD
};

/// One key under which a cache may be found.
struct CacheCandidate {
  std::string key;   ///< as people know it
  std::string file;  ///< the local archive, relative to the project directory
  CacheObject object;
  CacheObject alternate;  ///< the same under the other scheme of keys
};

/// One cache to restore: the first candidate that is there counts.
struct CacheRestore {
  std::vector<CacheNote> notes;
  std::vector<CacheCandidate> candidates;  ///< none: only the notes
  std::vector<std::string> paths;          ///< removed after a failure, where that is asked for
};

/// Parameters of the native stage `restore_cache`.
struct RestoreCacheParameters {
  std::string project_dir;
  std::vector<std::pair<std::string, std::string>> variables;  ///< the stage's environment
  int timeout = 10;              ///< CACHE_REQUEST_TIMEOUT: minutes, of one request
  bool clean_up_failed = false;  ///< FF_CLEAN_UP_FAILED_CACHE_EXTRACT
  std::vector<CacheRestore> caches;
};

/// One cache to save. Variables in `paths` are expanded by the helper, in its environment.
struct CacheSave {
  std::vector<CacheNote> notes;
  std::string key;  ///< as people know it; "" = only the notes
  std::string file;
  std::string alternate_file;  ///< the same under the other scheme of keys
  std::vector<std::string> paths;
  bool untracked = false;
  std::string url;                                           ///< PUT; "" = the cache stays local
  std::string check_url;                                     ///< HEAD
  std::vector<std::pair<std::string, std::string>> headers;  ///< of the PUT, as signed
  std::uint64_t max_size = 0;  ///< of an archive that is sent, in bytes; 0 = any
};

/// Parameters of the native stages `archive_cache` and `archive_cache_on_failure`.
struct SaveCacheParameters {
  std::string project_dir;
  std::vector<std::pair<std::string, std::string>> variables;
  int timeout = 10;
  std::vector<CacheSave> caches;
};

/// As the other parameters of stages (job/git_stage.hpp).
void to_json(nlohmann::json& out, const RestoreCacheParameters& parameters);
void from_json(const nlohmann::json& in, RestoreCacheParameters& parameters);
void to_json(nlohmann::json& out, const SaveCacheParameters& parameters);
void from_json(const nlohmann::json& in, SaveCacheParameters& parameters);

}  // namespace slipway::job
