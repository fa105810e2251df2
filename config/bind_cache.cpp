#include <algorithm>

#include "config/bind.hpp"
#include "config/fields.hpp"

namespace slipway::config {

namespace {

void read_secret(const Fields& fields, std::string_view name, util::Secret& target) {
  std::string text;
  fields.read(name, text);
  target = util::Secret{std::move(text)};
}

Cache::S3 bind_s3(const Fields& fields) {
  Cache::S3 s3;
  fields.read("ServerAddress", s3.server_address);
  fields.read("AccessKey", s3.access_key);
  read_secret(fields, "SecretKey", s3.secret_key);
  read_secret(fields, "SessionToken", s3.session_token);
  fields.read("BucketName", s3.bucket_name);
  fields.read("BucketLocation", s3.bucket_location);
  fields.read("Insecure", s3.insecure);
  fields.read("AuthenticationType", s3.authentication_type);
  fields.read("ServerSideEncryption", s3.server_side_encryption);
  fields.read("ServerSideEncryptionKeyID", s3.server_side_encryption_key_id);
  fields.read("DualStack", s3.dual_stack);
  fields.read("PathStyle", s3.path_style);
  fields.read("Accelerate", s3.accelerate);
  fields.read("RoleARN", s3.role_arn);
  fields.read("UploadRoleARN", s3.upload_role_arn);
  return s3;
}

Cache::Gcs bind_gcs(const Fields& fields) {
  Cache::Gcs gcs;
  fields.read("AccessID", gcs.access_id);
  read_secret(fields, "PrivateKey", gcs.private_key);
  fields.read("CredentialsFile", gcs.credentials_file);
  fields.read("BucketName", gcs.bucket_name);
  fields.read("UniverseDomain", gcs.universe_domain);
  return gcs;
}

Cache::Azure bind_azure(const Fields& fields) {
  Cache::Azure azure;
  fields.read("AccountName", azure.account_name);
  read_secret(fields, "AccountKey", azure.account_key);
  fields.read("ContainerName", azure.container_name);
  fields.read("StorageDomain", azure.storage_domain);
  return azure;
}

}  // namespace

Cache bind_cache(const toml::table& table) {
  const Fields fields{table};
  Cache cache;
  fields.read("Type", cache.type);
  fields.read("Path", cache.path);
  fields.read("Shared", cache.shared);
  std::int64_t size = 0;
  fields.read("MaxUploadedArchiveSize", size);
  cache.max_uploaded_archive_size = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0));
  if (const auto* s3 = fields.table("s3")) cache.s3 = bind_s3(Fields{*s3});
  if (const auto* gcs = fields.table("gcs")) cache.gcs = bind_gcs(Fields{*gcs});
  if (const auto* azure = fields.table("azure")) cache.azure = bind_azure(Fields{*azure});
  return cache;
}

}  // namespace slipway::config
