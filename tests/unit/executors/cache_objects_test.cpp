#include "executors/cache_objects.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace slipway::executors {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

const object_store::Validity validity{std::chrono::sys_days{2026y / 3 / 4}, 1h};
const CacheOwner owner{7, "abcdefghi"};

struct Environment {
  std::map<std::string, std::string> values;
  std::string operator()(const char* name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
};

config::Cache s3() {
  config::Cache cache;
  cache.type = "s3";
  cache.path = "prefix";
  cache.s3.server_address = "s3.example.com";
  cache.s3.access_key = "AK";
  cache.s3.secret_key = util::Secret{"the-secret-key"};
  cache.s3.bucket_name = "bucket";
  return cache;
}

std::string url(const config::Cache& cache, const Environment& environment = {}) {
  try {
    return make_cache_objects(cache, owner, validity, environment)->to_restore({"k", false}).url;
  } catch (const CacheObjectsError& error) {
    return error.what();
  }
}

TEST(CacheObjects, NamesAreThoseOfTheDocumentation) {
  config::Cache cache;
  EXPECT_EQ(cache_object_name(cache, owner, {"a/b", false}), "runner/abcdefghi/project/7/a/b");
  cache.path = "/some/path/";
  EXPECT_EQ(cache_object_name(cache, owner, {"k", false}),
            "some/path/runner/abcdefghi/project/7/k");
  cache.shared = true;
  EXPECT_EQ(cache_object_name(cache, owner, {"k", false}), "some/path/project/7/k");
  EXPECT_EQ(cache_object_name(cache, owner, {"f00d", true}), "some/path/project/7/f0/f00d");
}

TEST(CacheObjects, ThereAreNoneWithoutAType) {
  EXPECT_EQ(make_cache_objects({}, owner, validity, Environment{}), nullptr);
}

TEST(CacheObjects, OfS3) {
  const auto config = s3();
  const auto kept = make_cache_objects(config, owner, validity, Environment{});
  const auto restore = kept->to_restore({"k", false});
  EXPECT_THAT(restore.url,
              StartsWith("https://s3.example.com/bucket/prefix/runner/abcdefghi/project/7/k?"));
  EXPECT_THAT(restore.url, Not(HasSubstr("the-secret-key")));
  EXPECT_NE(restore.url, restore.head_url);
  const auto save = kept->to_save({"k", false}, "a key\n");
  EXPECT_THAT(save.headers, Contains(Pair("x-amz-meta-cachekey", "a key%0A")));
  EXPECT_EQ(save.check_url, restore.head_url);
}

TEST(CacheObjects, TypesAreReadInAnyCase) {
  auto cache = s3();
  cache.type = "S3";
  EXPECT_THAT(url(cache), StartsWith("https://s3.example.com/"));
  cache.type = "ftp";
  EXPECT_EQ(url(cache), "cache type \"ftp\" is none of s3, gcs, azure");
}

TEST(CacheObjects, S3TakesKeysFromWhereTheyAre) {
  const Environment daemon{{{"AWS_ACCESS_KEY_ID", "ENVKEY"},
                            {"AWS_SECRET_ACCESS_KEY", "env-secret"},
                            {"AWS_SESSION_TOKEN", "env-token"}}};
  EXPECT_THAT(url(s3(), daemon), HasSubstr("X-Amz-Credential=AK%2F"));
  auto iam = s3();
  iam.s3.authentication_type = "IAM";
  EXPECT_THAT(url(iam, daemon), HasSubstr("X-Amz-Credential=ENVKEY%2F"));
  EXPECT_THAT(url(iam, daemon), HasSubstr("X-Amz-Security-Token=env-token"));
  auto keyless = s3();
  keyless.s3.secret_key = util::Secret{};
  EXPECT_THAT(url(keyless, daemon), HasSubstr("X-Amz-Credential=ENVKEY%2F"));
  EXPECT_THAT(url(keyless), StartsWith("no credentials for S3: set AccessKey and SecretKey, or"));
  auto own_keys = s3();
  own_keys.s3.authentication_type = "access-key";
  EXPECT_THAT(url(own_keys, daemon), HasSubstr("X-Amz-Credential=AK%2F"));
  auto odd = s3();
  odd.s3.authentication_type = "password";
  EXPECT_EQ(url(odd), "AuthenticationType \"password\" is neither access-key nor iam");
}

TEST(CacheObjects, RolesAreNotAssumed) {
  auto role = s3();
  role.s3.role_arn = "arn:aws:iam::1:role/x";
  EXPECT_EQ(url(role), "this version does not assume roles (RoleARN)");
  auto upload = s3();
  upload.s3.upload_role_arn = "arn:aws:iam::1:role/x";
  EXPECT_THAT(url(upload), StartsWith("https://"));
  EXPECT_THROW(make_cache_objects(upload, owner, validity, Environment{})->to_save({"k"}, "k"),
               CacheObjectsError);
}

TEST(CacheObjects, OfAzure) {
  config::Cache cache;
  cache.type = "azure";
  cache.azure = {"account", util::Secret{"a2V5"}, "container", ""};
  EXPECT_THAT(url(cache),
              StartsWith("https://account.blob.core.windows.net/container/runner/abcdefghi/"));
  EXPECT_THAT(url(cache), Not(HasSubstr("a2V5")));
  cache.azure.container_name = "";
  EXPECT_EQ(url(cache), "ContainerName can't be empty");
}

TEST(CacheObjects, OfGoogleByAFileOfTheAccount) {
  config::Cache cache;
  cache.type = "gcs";
  cache.gcs.bucket_name = "bucket";
  EXPECT_EQ(url(cache), "AccessID can't be empty");
  cache.gcs.credentials_file = "/nowhere/key.json";
  EXPECT_EQ(url(cache), "cannot read CredentialsFile /nowhere/key.json");
  const auto file = std::filesystem::temp_directory_path() /
                    ("slipway-gcs-" + std::to_string(::getpid()) + ".json");
  const auto write = [&file](const char* text) { std::ofstream{file} << text; };
  cache.gcs.credentials_file = file;
  for (const auto* bad : {"{", "[]", "{\"client_email\": \"a\"}", "{\"client_email\": 1}"}) {
    write(bad);
    EXPECT_EQ(url(cache), "CredentialsFile " + file.string() +
                              " is no key file of a service account (client_email, private_key)");
  }
  write(R"({"client_email": "a@example.com", "private_key": "none"})");
  EXPECT_EQ(url(cache), "PrivateKey is no RSA key in PEM format");
  cache.gcs.credentials_file = "";
  EXPECT_EQ(url(cache, {{{"GOOGLE_APPLICATION_CREDENTIALS", file.string()}}}),
            "PrivateKey is no RSA key in PEM format");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace slipway::executors
