#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "job/cache_stage.hpp"
#include "object_store/signed_url.hpp"

namespace slipway::executors {

/// Why no addresses can be given: what the configuration lacks. No secret is in the text.
class CacheObjectsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a cache is stored under.
struct CacheSlot {
  std::string key;      ///< a relative path that leads nowhere else
  bool hashed = false;  ///< it is the hash of one
};

/// Where an archive is sent to.
struct CacheUpload {
  std::string url;                                           ///< PUT
  std::string check_url;                                     ///< HEAD
  std::vector<std::pair<std::string, std::string>> headers;  ///< of the PUT, as signed
};

/// The caches of one job on a cache server, by addresses that are signed for one method and one
/// object each. Whoever has such an address needs no secret, and can do nothing else.
class CacheObjects {
 public:
  virtual ~CacheObjects() = default;

  /// \throws CacheObjectsError
  virtual job::CacheObject to_restore(const CacheSlot& slot) const = 0;
  /// \param shown_key  stored with the object, for people. \throws CacheObjectsError
  virtual CacheUpload to_save(const CacheSlot& slot, const std::string& shown_key) const = 0;
};

/// Whose caches they are.
struct CacheOwner {
  std::int64_t project = 0;
  std::string short_token;  ///< of the runner; not part of the names where they are `Shared`
};

/// The daemon's own environment, "" = unset.
using EnvironmentLookup = std::function<std::string(const char*)>;
std::string process_environment(const char* name);

/// By `[runners.cache]`; null where caches are local only. Reads the file of `CredentialsFile`.
/// What is wrong with the configuration is thrown by the calls on the result, so that it is said
/// with the caches that suffer from it. `config` must outlive it.
std::unique_ptr<CacheObjects> make_cache_objects(
    const config::Cache& config, CacheOwner owner, object_store::Validity validity,
    EnvironmentLookup environment = process_environment);

/// `<path>/runner/<token>/project/<id>/<key>`. Pure.
std::string cache_object_name(const config::Cache& config, const CacheOwner& owner,
                              const CacheSlot& slot);

}  // namespace slipway::executors
