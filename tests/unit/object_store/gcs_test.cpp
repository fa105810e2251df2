#include "object_store/gcs.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "object_store/encoding.hpp"
#include "object_store/v4.hpp"

namespace slipway::object_store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr auto object = "runner/abc/project/7/key";
const Validity validity{std::chrono::sys_days{2026y / 3 / 4} + 5h + 6min + 7s, 1h};

/// A service account's key, drawn once per run.
class Key {
 public:
  Key() : key_{EVP_RSA_gen(2048), &EVP_PKEY_free} {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), &BIO_free};
    PEM_write_bio_PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    pem.assign(data, static_cast<std::size_t>(size));
  }

  bool has_signed(const std::string& text, const std::string& signature) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free};
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
  }

  std::string pem;

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

const Key& key() {
  static const Key key;
  return key;
}

GcsBucket bucket() {
  GcsBucket bucket;
  bucket.name = "my-bucket";
  bucket.access_id = "caches@example.iam.gserviceaccount.com";
  bucket.private_key = util::Secret{key().pem};
  return bucket;
}

std::string unhex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

bool signs(const SignedUrl& url, const std::string& hash) {
  const auto text =
      "GOOG4-RSA-SHA256\n20260304T050607Z\n20260304/auto/storage/goog4_request\n" + hash;
  return key().has_signed(text, unhex(url.url.substr(url.url.rfind('=') + 1)));
}

TEST(Gcs, SignsWhatGooglesOwnLibrarySigns) {
  // Hashes of the canonical requests of google-cloud-storage 3.17 (generate_signed_url_v4).
  const auto get = gcs_get(bucket(), object, validity);
  EXPECT_THAT(
      get.url,
      StartsWith("https://storage.googleapis.com/my-bucket/runner/abc/project/7/key?"
                 "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=caches%40example.iam."
                 "gserviceaccount.com%2F20260304%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date="
                 "20260304T050607Z&X-Goog-Expires=3600&X-Goog-SignedHeaders=host&X-Goog-"
                 "Signature="));
  EXPECT_TRUE(signs(get, "5109d37366ddd7bb4c181b7f14685f64799c768fe47980c9b15a242a36e206c1"));
  EXPECT_TRUE(signs(gcs_head(bucket(), object, validity),
                    "3a717aa916673e9cb62b74b3e77d2a1a2ae4b08e649c9b4fb833083f93840744"));
  EXPECT_TRUE(signs(gcs_get(bucket(), "a b/\xC3\xBC+%", validity),
                    "0b9ce4d97a7a619b39cec45f6aeb2328e7e36909241f533b59005bafecadc541"));
  const auto put = gcs_put(bucket(), object, validity, 1000, {{"cachekey", "my key"}});
  EXPECT_TRUE(signs(put, "e90ef805af811fb2dfb5a86752db47e5581b2194e273b9ae1b51508f6020a2b6"));
  EXPECT_FALSE(signs(put, "3a717aa916673e9cb62b74b3e77d2a1a2ae4b08e649c9b4fb833083f93840744"));
  EXPECT_THAT(put.headers, ElementsAre(Pair("Content-Type", "application/octet-stream"),
                                       Pair("X-Goog-Content-Length-Range", "0,1000"),
                                       Pair("X-Goog-Meta-cachekey", "my key")));
  EXPECT_THAT(gcs_put(bucket(), object, validity, 0, {}).headers,
              ElementsAre(Pair("Content-Type", "application/octet-stream")));
}

TEST(Gcs, SignsWhatThePublishedVectorsSay) {
  // googleapis/conformance-tests, storage/v1/v4_signatures.json: "Simple GET", "Vary expiration and
  // timestamp".
  V4Signer signer;
  signer.algorithm = "GOOG4-RSA-SHA256";
  signer.prefix = "X-Goog-";
  signer.identity = "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com";
  signer.scope = "auto/storage/goog4_request";
  V4Request request;
  request.method = "GET";
  request.host = "storage.googleapis.com";
  request.path = "/test-bucket/test-object";
  EXPECT_EQ(string_to_sign(request, signer, {std::chrono::sys_days{2019y / 2 / 1} + 9h, 10s}),
            "GOOG4-RSA-SHA256\n20190201T090000Z\n20190201/auto/storage/goog4_request\n"
            "00e2fb794ea93d7adb703edaebdd509821fcc7d4f1a79ac5c8d2b394df109320");
  EXPECT_EQ(string_to_sign(request, signer, {std::chrono::sys_days{2019y / 3 / 1} + 9h, 20s}),
            "GOOG4-RSA-SHA256\n20190301T090000Z\n20190301/auto/storage/goog4_request\n"
            "779f19fdb6fd381390e2d5af04947cf21750277ee3c20e0c97b7e46a1dff8907");
}

TEST(V4, CanonicalRequestsJoinAndTidyHeaders) {
  V4Signer signer;
  signer.algorithm = "A";
  signer.prefix = "X-";
  signer.identity = "id";
  signer.scope = "s";
  V4Request request;
  request.method = "PUT";
  request.host = "h";
  request.path = "/p";
  request.headers = {{"Zeta", " a  \t b "}, {"ALPHA", "1"}, {"alpha", "2"}};
  request.query = {{"prefix", "/foo"}, {"b", "~ %"}};
  EXPECT_EQ(canonical_request(request, signer, validity),
            "PUT\n/p\nX-Algorithm=A&X-Credential=id%2F20260304%2Fs&X-Date=20260304T050607Z&"
            "X-Expires=3600&X-SignedHeaders=alpha%3Bhost%3Bzeta&b=~%20%25&prefix=%2Ffoo\n"
            "alpha:1,2\nhost:h\nzeta:a b\n\nalpha;host;zeta\nUNSIGNED-PAYLOAD");
}

TEST(Gcs, OtherUniverses) {
  auto other = bucket();
  other.universe_domain = "example.goog";
  EXPECT_THAT(gcs_get(other, object, validity).url,
              StartsWith("https://storage.example.goog/my-bucket/"));
}

TEST(Gcs, NamesWhatIsMissing) {
  const auto problem = [](const GcsBucket& where) {
    try {
      gcs_get(where, object, validity);
      return std::string{};
    } catch (const StoreError& error) {
      return std::string{error.what()};
    }
  };
  auto unnamed = bucket();
  unnamed.name = "";
  EXPECT_EQ(problem(unnamed), "BucketName can't be empty");
  auto nobody = bucket();
  nobody.access_id = "";
  EXPECT_EQ(problem(nobody), "AccessID can't be empty");
  auto keyless = bucket();
  keyless.private_key = util::Secret{"secret text"};
  EXPECT_EQ(problem(keyless), "PrivateKey is no RSA key in PEM format");
}

}  // namespace
}  // namespace slipway::object_store
