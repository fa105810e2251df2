#pragma once

#include <optional>
#include <string>

#include "object_store/signed_url.hpp"
#include "util/secret.hpp"

namespace slipway::object_store {

/// A bucket that speaks S3's protocol, and who asks.
struct S3Bucket {
  std::string server_address;  ///< host[:port]; "" = Amazon's of that region
  bool insecure = false;       ///< HTTP without TLS
  std::string name;
  std::string region;              ///< "" = us-east-1
  std::optional<bool> path_style;  ///< unset: by address and name
  bool dual_stack = true;          ///< Amazon only: also over IPv6
  bool accelerate = false;         ///< Amazon only: by its edge network
  std::string access_key;
  util::Secret secret_key;
  util::Secret session_token;
};

/// How the server encrypts what is stored: `S3`/`AES256`, `KMS`/`aws:kms`, `DSSE-KMS`/
/// `aws:kms:dsse`, in any case; "" = as the bucket does.
struct S3Encryption {
  std::string mode;
  std::string key_id;
};

/// Addresses for one object. \param object  its name, not encoded. \throws StoreError if there is
/// no name of a bucket or no key.
SignedUrl s3_get(const S3Bucket& bucket, const std::string& object, const Validity& validity);
SignedUrl s3_head(const S3Bucket& bucket, const std::string& object, const Validity& validity);
/// \param metadata  `x-amz-meta-<name>`, values as header_text() has them. \throws StoreError, also
/// for an unknown encryption.
SignedUrl s3_put(const S3Bucket& bucket, const std::string& object, const Validity& validity,
                 const S3Encryption& encryption, const Headers& metadata);

}  // namespace slipway::object_store
