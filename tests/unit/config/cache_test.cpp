#include <gmock/gmock.h>

#include "config/load.hpp"

namespace slipway::config {
namespace {

using ::testing::IsEmpty;

Config config_with(const std::string& tables) {
  return parse(R"([[runners]]
name = "r"
url = "http://gitlab.example.com"
token = "t"
executor = "docker"
[runners.docker]
image = "a"
)" + tables,
               "/x/config.toml", [](const std::string&) { return std::optional<std::string>{}; });
}

Cache cache_of(const std::string& tables) {
  const auto config = config_with(tables);
  EXPECT_THAT(config.warnings, IsEmpty());
  return config.runners.at(0).cache;
}

TEST(CacheKeys, HaveDefaults) {
  for (const auto* tables : {"",
                             "[runners.cache]\n[runners.cache.s3]\n[runners.cache.gcs]\n"
                             "[runners.cache.azure]\n"}) {
    const auto cache = cache_of(tables);
    EXPECT_EQ(cache.type, "");
    EXPECT_FALSE(cache.shared);
    EXPECT_EQ(cache.max_uploaded_archive_size, 0u);
    EXPECT_TRUE(cache.s3.dual_stack);
    EXPECT_FALSE(cache.s3.path_style);
    EXPECT_TRUE(cache.s3.secret_key.empty());
  }
}

TEST(CacheKeys, AreReadInAnyCase) {
  const auto cache = cache_of(R"([runners.cache]
type = "s3"
Path = "prefix"
Shared = true
MaxUploadedArchiveSize = 1000
Insecure = false
[runners.cache.s3]
serveraddress = "s3.example.com:9000"
AccessKey = "AK"
SecretKey = "SK"
SessionToken = "ST"
BucketName = "bucket"
BucketLocation = "eu-west-1"
Insecure = true
AuthenticationType = "access-key"
ServerSideEncryption = "KMS"
ServerSideEncryptionKeyID = "arn:key"
DualStack = false
PathStyle = true
Accelerate = true
RoleARN = "arn:role"
UploadRoleARN = "arn:upload"
[runners.cache.gcs]
AccessID = "id@example.com"
PrivateKey = "PEM"
CredentialsFile = "/etc/key.json"
BucketName = "gb"
UniverseDomain = "example.goog"
[runners.cache.azure]
AccountName = "account"
AccountKey = "a2V5"
ContainerName = "container"
StorageDomain = "blob.example.net"
)");
  EXPECT_EQ(cache.type, "s3");
  EXPECT_EQ(cache.path, "prefix");
  EXPECT_TRUE(cache.shared);
  EXPECT_EQ(cache.max_uploaded_archive_size, 1000u);
  const auto& s3 = cache.s3;
  EXPECT_EQ(s3.server_address, "s3.example.com:9000");
  EXPECT_EQ(s3.access_key, "AK");
  EXPECT_EQ(s3.secret_key.reveal(), "SK");
  EXPECT_EQ(s3.session_token.reveal(), "ST");
  EXPECT_EQ(s3.bucket_name, "bucket");
  EXPECT_EQ(s3.bucket_location, "eu-west-1");
  EXPECT_TRUE(s3.insecure && s3.accelerate && !s3.dual_stack);
  EXPECT_EQ(s3.path_style, true);
  EXPECT_EQ(s3.authentication_type, "access-key");
  EXPECT_EQ(s3.server_side_encryption, "KMS");
  EXPECT_EQ(s3.server_side_encryption_key_id, "arn:key");
  EXPECT_EQ(s3.role_arn, "arn:role");
  EXPECT_EQ(s3.upload_role_arn, "arn:upload");
  EXPECT_EQ(cache.gcs.access_id, "id@example.com");
  EXPECT_EQ(cache.gcs.private_key.reveal(), "PEM");
  EXPECT_EQ(cache.gcs.credentials_file, "/etc/key.json");
  EXPECT_EQ(cache.gcs.bucket_name, "gb");
  EXPECT_EQ(cache.gcs.universe_domain, "example.goog");
  EXPECT_EQ(cache.azure.account_name, "account");
  EXPECT_EQ(cache.azure.account_key.reveal(), "a2V5");
  EXPECT_EQ(cache.azure.container_name, "container");
  EXPECT_EQ(cache.azure.storage_domain, "blob.example.net");
}

TEST(CacheKeys, ANegativeSizeIsNoLimit) {
  EXPECT_EQ(cache_of("[runners.cache]\nMaxUploadedArchiveSize = -1\n").max_uploaded_archive_size,
            0u);
}

}  // namespace
}  // namespace slipway::config
