#include "object_store/s3.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "object_store/encoding.hpp"
#include "object_store/v4.hpp"

namespace slipway::object_store {

namespace {

constexpr std::string_view default_region = "us-east-1";

std::string lower(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string region_of(const S3Bucket& bucket) {
  return bucket.region.empty() ? std::string{default_region} : bucket.region;
}

/// The part of `address` before its port.
std::string_view host_part(std::string_view address) {
  if (address.starts_with('[')) return address.substr(0, address.find(']') + 1);
  return address.substr(0, address.rfind(':'));
}

/// As clients write it: without the port that the scheme has anyway.
std::string canonical_host(const std::string& address, bool insecure) {
  const std::string_view usual = insecure ? ":80" : ":443";
  return address.ends_with(usual) ? address.substr(0, address.size() - usual.size()) : address;
}

/// Of Amazon, by the region's own address or the one for all.
bool is_general_amazon(const S3Bucket& bucket) {
  return bucket.server_address.empty() ||
         lower(host_part(bucket.server_address)) == "s3.amazonaws.com";
}

bool knows_bucket_hosts(const S3Bucket& bucket) {
  if (is_general_amazon(bucket)) return true;
  const auto host = lower(host_part(bucket.server_address));
  return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") ||
         host == "storage.googleapis.com";
}

/// As a label of a host name; behind TLS also without dots, which no wildcard certificate covers.
bool fits_host(const S3Bucket& bucket) {
  const auto& name = bucket.name;
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           (c == '.' && bucket.insecure);
  };
  return name.size() >= 3 && name.size() <= 63 && std::ranges::all_of(name, allowed) &&
         name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.';
}

std::string amazon_host(const S3Bucket& bucket) {
  const auto region = region_of(bucket);
  const std::string_view domain = region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return fmt::format("s3.{}{}.{}", bucket.dual_stack ? "dualstack." : "", region, domain);
}

void set_address(const S3Bucket& bucket, const std::string& object, V4Request& request) {
  request.scheme = bucket.insecure ? "http" : "https";
  const auto path = "/" + percent_encoded(object, true);
  if (bucket.accelerate && is_general_amazon(bucket) && fits_host(bucket)) {
    request.host = fmt::format("{}.s3-accelerate.{}amazonaws.com", bucket.name,
                               bucket.dual_stack ? "dualstack." : "");
    request.path = path;
    return;
  }
  const auto host = is_general_amazon(bucket)
                        ? amazon_host(bucket)
                        : canonical_host(bucket.server_address, bucket.insecure);
  if (bucket.path_style.value_or(!(knows_bucket_hosts(bucket) && fits_host(bucket)))) {
    request.host = host;
    request.path = "/" + percent_encoded(bucket.name) + path;
  } else {
    request.host = bucket.name + "." + host;
    request.path = path;
  }
}

V4Signer signer_of(const S3Bucket& bucket) {
  const auto region = region_of(bucket);
  V4Signer signer;
  signer.algorithm = "AWS4-HMAC-SHA256";
  signer.prefix = "X-Amz-";
  signer.identity = bucket.access_key;
  signer.scope = region + "/s3/aws4_request";
  signer.security_token = bucket.session_token.reveal();
  signer.sign = [&bucket, region](const std::string& day, std::string_view text) {
    auto key = hmac_sha256("AWS4" + bucket.secret_key.reveal(), day);
    key = hmac_sha256(key, region);
    key = hmac_sha256(key, "s3");
    key = hmac_sha256(key, "aws4_request");
    return hex(hmac_sha256(key, text));
  };
  return signer;
}

SignedUrl signed_url(const S3Bucket& bucket, const char* method, const std::string& object,
                     const Validity& validity, Headers headers) {
  if (bucket.name.empty()) throw StoreError{"BucketName can't be empty"};
  if (bucket.access_key.empty() || bucket.secret_key.empty())
    throw StoreError{"AccessKey and SecretKey can't be empty"};
  V4Request request;
  request.method = method;
  set_address(bucket, object, request);
  request.headers = std::move(headers);
  auto url = v4_url(request, signer_of(bucket), validity);
  return {std::move(url), std::move(request.headers)};
}

void add_encryption(const S3Encryption& encryption, Headers& headers) {
  const auto mode = lower(encryption.mode);
  if (mode.empty()) return;
  const bool by_s3 = mode == "s3" || mode == "aes256";
  const bool kms = mode == "kms" || mode == "aws:kms";
  if (!by_s3 && !kms && mode != "dsse-kms" && mode != "aws:kms:dsse")
    throw StoreError{
        fmt::format("ServerSideEncryption \"{}\" is none of S3, KMS, DSSE-KMS", encryption.mode)};
  headers.emplace_back("x-amz-server-side-encryption", by_s3 ? "AES256"
                                                       : kms ? "aws:kms"
                                                             : "aws:kms:dsse");
  if (!by_s3 && !encryption.key_id.empty())
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", encryption.key_id);
}

}  // namespace

SignedUrl s3_get(const S3Bucket& bucket, const std::string& object, const Validity& validity) {
  return signed_url(bucket, "GET", object, validity, {});
}

SignedUrl s3_head(const S3Bucket& bucket, const std::string& object, const Validity& validity) {
  return signed_url(bucket, "HEAD", object, validity, {});
}

SignedUrl s3_put(const S3Bucket& bucket, const std::string& object, const Validity& validity,
                 const S3Encryption& encryption, const Headers& metadata) {
  Headers headers;
  for (const auto& [name, value] : metadata) headers.emplace_back("x-amz-meta-" + name, value);
  add_encryption(encryption, headers);
  return signed_url(bucket, "PUT", object, validity, std::move(headers));
}

}  // namespace slipway::object_store
