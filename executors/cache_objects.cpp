#include "executors/cache_objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "object_store/azure.hpp"
#include "object_store/gcs.hpp"
#include "object_store/s3.hpp"

namespace slipway::executors {

namespace {

using object_store::SignedUrl;
using object_store::StoreError;
using object_store::Validity;

constexpr auto metadata_key = "cachekey";
constexpr std::size_t largest_key_file = 1u << 20;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

/// Names of objects, and who owns them: the same for all kinds of servers.
class Base : public CacheObjects {
 public:
  Base(const config::Cache& config, CacheOwner owner, Validity validity)
      : config_{config}, owner_{std::move(owner)}, validity_{validity} {}

  job::CacheObject to_restore(const CacheSlot& slot) const final {
    const auto name = cache_object_name(config_, owner_, slot);
    try {
      return {get(name).url, head(name).url};
    } catch (const StoreError& error) {
      throw CacheObjectsError{error.what()};
    }
  }

  CacheUpload to_save(const CacheSlot& slot, const std::string& shown_key) const final {
    const auto name = cache_object_name(config_, owner_, slot);
    try {
      auto target = put(name, {{metadata_key, object_store::header_text(shown_key)}});
      return {std::move(target.url), check(name).url, std::move(target.headers)};
    } catch (const StoreError& error) {
      throw CacheObjectsError{error.what()};
    }
  }

 protected:
  virtual SignedUrl get(const std::string& name) const = 0;
  virtual SignedUrl head(const std::string& name) const = 0;
  /// HEAD, where an upload is due.
  virtual SignedUrl check(const std::string& name) const { return head(name); }
  virtual SignedUrl put(const std::string& name, const object_store::Headers& metadata) const = 0;

  const config::Cache& config_;
  CacheOwner owner_;
  Validity validity_;
};

/// Fills in the keys. \throws StoreError
void use_credentials(const config::Cache::S3& config, const EnvironmentLookup& environment,
                     object_store::S3Bucket& bucket) {
  const bool have_keys = !config.access_key.empty() && !config.secret_key.empty();
  const auto type = lower(config.authentication_type);
  if (!type.empty() && type != "iam" && type != "access-key")
    throw StoreError{fmt::format("AuthenticationType \"{}\" is neither access-key nor iam",
                                 config.authentication_type)};
  const bool iam = type == "iam" || (type.empty() && (config.server_address.empty() || !have_keys));
  if (const auto id = environment("AWS_ACCESS_KEY_ID"); iam && !id.empty()) {
    bucket.access_key = id;
    bucket.secret_key = util::Secret{environment("AWS_SECRET_ACCESS_KEY")};
    bucket.session_token = util::Secret{environment("AWS_SESSION_TOKEN")};
    return;
  }
  if (iam && !have_keys)
    throw StoreError{
        "no credentials for S3: set AccessKey and SecretKey, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY in the runner's environment (this version does not ask for the role "
        "of an instance)"};
  bucket.access_key = config.access_key;
  bucket.secret_key = config.secret_key;
  bucket.session_token = config.session_token;
}

class S3Objects final : public Base {
 public:
  S3Objects(const config::Cache& config, CacheOwner owner, Validity validity,
            EnvironmentLookup environment)
      : Base{config, std::move(owner), validity}, environment_{std::move(environment)} {}

 protected:
  SignedUrl get(const std::string& name) const override {
    return object_store::s3_get(bucket(false), name, validity_);
  }
  SignedUrl head(const std::string& name) const override {
    return object_store::s3_head(bucket(false), name, validity_);
  }
  SignedUrl check(const std::string& name) const override {
    return object_store::s3_head(bucket(true), name, validity_);
  }
  SignedUrl put(const std::string& name, const object_store::Headers& metadata) const override {
    const auto& s3 = config_.s3;
    return object_store::s3_put(bucket(true), name, validity_,
                                {s3.server_side_encryption, s3.server_side_encryption_key_id},
                                metadata);
  }

 private:
  object_store::S3Bucket bucket(bool upload) const {
    const auto& s3 = config_.s3;
    if (!s3.role_arn.empty() || (upload && !s3.upload_role_arn.empty()))
      throw StoreError{fmt::format("this version does not assume roles ({})",
                                   s3.role_arn.empty() ? "UploadRoleARN" : "RoleARN")};
    object_store::S3Bucket bucket;
    bucket.server_address = s3.server_address;
    bucket.insecure = s3.insecure;
    bucket.name = s3.bucket_name;
    bucket.region = s3.bucket_location;
    bucket.path_style = s3.path_style;
    bucket.dual_stack = s3.dual_stack;
    bucket.accelerate = s3.accelerate;
    use_credentials(s3, environment_, bucket);
    return bucket;
  }

  EnvironmentLookup environment_;
};

/// A service account's key file. \throws StoreError
void read_key_file(const std::string& path, object_store::GcsBucket& bucket) {
  std::ifstream file{path, std::ios::binary};
  std::string text(largest_key_file, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty()) throw StoreError{fmt::format("cannot read CredentialsFile {}", path)};
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto member = [&](const char* name) {
    const bool there = json.is_object() && json.contains(name) && json[name].is_string();
    return there ? json[name].get<std::string>() : std::string{};
  };
  bucket.access_id = member("client_email");
  bucket.private_key = util::Secret{member("private_key")};
  if (bucket.access_id.empty() || bucket.private_key.empty())
    throw StoreError{
        fmt::format("CredentialsFile {} is no key file of a service account (client_email, "
                    "private_key)",
                    path)};
  if (const auto domain = member("universe_domain"); bucket.universe_domain.empty())
    bucket.universe_domain = domain;
}

class GcsObjects final : public Base {
 public:
  GcsObjects(const config::Cache& config, CacheOwner owner, Validity validity,
             const EnvironmentLookup& environment)
      : Base{config, std::move(owner), validity} {
    bucket_.name = config.gcs.bucket_name;
    bucket_.access_id = config.gcs.access_id;
    bucket_.private_key = config.gcs.private_key;
    bucket_.universe_domain = config.gcs.universe_domain;
    auto file = config.gcs.credentials_file;
    if (file.empty() && bucket_.private_key.empty())
      file = environment("GOOGLE_APPLICATION_CREDENTIALS");
    if (file.empty()) return;
    try {
      read_key_file(file, bucket_);
    } catch (const StoreError& error) {
      problem_ = error.what();
    }
  }

 protected:
  SignedUrl get(const std::string& name) const override {
    return object_store::gcs_get(bucket(), name, validity_);
  }
  SignedUrl head(const std::string& name) const override {
    return object_store::gcs_head(bucket(), name, validity_);
  }
  SignedUrl put(const std::string& name, const object_store::Headers& metadata) const override {
    return object_store::gcs_put(bucket(), name, validity_, config_.max_uploaded_archive_size,
                                 metadata);
  }

 private:
  const object_store::GcsBucket& bucket() const {
    if (!problem_.empty()) throw StoreError{problem_};
    return bucket_;
  }

  object_store::GcsBucket bucket_;
  std::string problem_;
};

class AzureObjects final : public Base {
 public:
  using Base::Base;

 protected:
  SignedUrl get(const std::string& name) const override {
    return object_store::azure_get(container(), name, validity_);
  }
  SignedUrl head(const std::string& name) const override {
    return object_store::azure_head(container(), name, validity_);
  }
  SignedUrl put(const std::string& name, const object_store::Headers& metadata) const override {
    return object_store::azure_put(container(), name, validity_, metadata);
  }

 private:
  object_store::AzureContainer container() const {
    const auto& azure = config_.azure;
    return {azure.container_name, azure.account_name, azure.account_key, azure.storage_domain};
  }
};

/// Of a type that there is none of.
class NoObjects final : public CacheObjects {
 public:
  explicit NoObjects(const std::string& type)
      : text_{fmt::format("cache type \"{}\" is none of s3, gcs, azure", type)} {}
  job::CacheObject to_restore(const CacheSlot&) const override { throw CacheObjectsError{text_}; }
  CacheUpload to_save(const CacheSlot&, const std::string&) const override {
    throw CacheObjectsError{text_};
  }

 private:
  std::string text_;
};

}  // namespace

std::string process_environment(const char* name) {
  const auto* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string cache_object_name(const config::Cache& config, const CacheOwner& owner,
                              const CacheSlot& slot) {
  std::string_view path = config.path;
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::string name{path};
  if (!name.empty()) name += '/';
  if (!config.shared) name += fmt::format("runner/{}/", owner.short_token);
  name += fmt::format("project/{}/", owner.project);
  if (slot.hashed) name += slot.key.substr(0, 2) + "/";
  return name + slot.key;
}

std::unique_ptr<CacheObjects> make_cache_objects(const config::Cache& config, CacheOwner owner,
                                                 Validity validity, EnvironmentLookup environment) {
  if (config.type.empty()) return nullptr;
  const auto type = lower(config.type);
  if (type == "s3")
    return std::make_unique<S3Objects>(config, std::move(owner), validity, std::move(environment));
  if (type == "gcs")
    return std::make_unique<GcsObjects>(config, std::move(owner), validity, environment);
  if (type == "azure") return std::make_unique<AzureObjects>(config, std::move(owner), validity);
  return std::make_unique<NoObjects>(config.type);
}

}  // namespace slipway::executors
