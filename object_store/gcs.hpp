#pragma once

#include <cstdint>
#include <string>

#include "object_store/signed_url.hpp"
#include "util/secret.hpp"

namespace slipway::object_store {

/// A bucket of Google Cloud Storage, and the service account that asks.
struct GcsBucket {
  std::string name;
  std::string access_id;        ///< the account's address
  util::Secret private_key;     ///< PEM, RSA
  std::string universe_domain;  ///< "" = googleapis.com
};

/// As the functions of s3.hpp. \throws StoreError also for a key that is no RSA key.
SignedUrl gcs_get(const GcsBucket& bucket, const std::string& object, const Validity& validity);
SignedUrl gcs_head(const GcsBucket& bucket, const std::string& object, const Validity& validity);
/// \param max_size  the server takes no larger object; 0 = any. \param metadata
/// `x-goog-meta-<name>`.
SignedUrl gcs_put(const GcsBucket& bucket, const std::string& object, const Validity& validity,
                  std::uint64_t max_size, const Headers& metadata);

}  // namespace slipway::object_store
