#include "object_store/gcs.hpp"

#include <fmt/format.h>

#include "object_store/encoding.hpp"
#include "object_store/v4.hpp"

namespace slipway::object_store {

namespace {

SignedUrl signed_url(const GcsBucket& bucket, const char* method, const std::string& object,
                     const Validity& validity, Headers headers) {
  if (bucket.name.empty()) throw StoreError{"BucketName can't be empty"};
  if (bucket.access_id.empty()) throw StoreError{"AccessID can't be empty"};
  V4Request request;
  request.method = method;
  request.host =
      "storage." + (bucket.universe_domain.empty() ? "googleapis.com" : bucket.universe_domain);
  request.path = fmt::format("/{}/{}", percent_encoded(bucket.name), percent_encoded(object, true));
  request.headers = std::move(headers);
  V4Signer signer;
  signer.algorithm = "GOOG4-RSA-SHA256";
  signer.prefix = "X-Goog-";
  signer.identity = bucket.access_id;
  signer.scope = "auto/storage/goog4_request";
  signer.sign = [&bucket](const std::string&, std::string_view text) {
    const auto signature = rsa_sha256(bucket.private_key.reveal(), text);
    if (!signature) throw StoreError{"PrivateKey is no RSA key in PEM format"};
    return hex(*signature);
  };
  auto url = v4_url(request, signer, validity);
  return {std::move(url), std::move(request.headers)};
}

}  // namespace

SignedUrl gcs_get(const GcsBucket& bucket, const std::string& object, const Validity& validity) {
  return signed_url(bucket, "GET", object, validity, {});
}

SignedUrl gcs_head(const GcsBucket& bucket, const std::string& object, const Validity& validity) {
  return signed_url(bucket, "HEAD", object, validity, {});
}

SignedUrl gcs_put(const GcsBucket& bucket, const std::string& object, const Validity& validity,
                  std::uint64_t max_size, const Headers& metadata) {
  Headers headers{{"Content-Type", "application/octet-stream"}};
  if (max_size > 0)
    headers.emplace_back("X-Goog-Content-Length-Range", fmt::format("0,{}", max_size));
  for (const auto& [name, value] : metadata) headers.emplace_back("X-Goog-Meta-" + name, value);
  return signed_url(bucket, "PUT", object, validity, std::move(headers));
}

}  // namespace slipway::object_store
