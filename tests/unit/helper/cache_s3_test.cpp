// Caches on a server that checks every signature: what object_store signs, and what the helper
// sends, have to fit.

#include <gmock/gmock.h>

#include "cache_fixture.hpp"
#include "object_store/s3.hpp"
#include "tests/fakes/s3_server.hpp"

namespace slipway::helper::cache {
namespace {

namespace fs = std::filesystem;
using fakes::S3Server;
using object_store::S3Bucket;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

class CacheS3 : public CacheTest {
 protected:
  S3Bucket bucket(const std::string& secret_key = S3Server::secret_key) const {
    S3Bucket bucket;
    bucket.server_address = s3_.host();
    bucket.insecure = true;
    bucket.name = S3Server::bucket;
    bucket.access_key = S3Server::access_key;
    bucket.secret_key = util::Secret{secret_key};
    return bucket;
  }
  static object_store::Validity validity(std::chrono::seconds age = 0s) {
    return {std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) - age, 1h};
  }
  ArchiveRequest signed_save(const S3Bucket& where, const object_store::S3Encryption& how = {}) {
    auto request = save_request({"f"});
    auto put = object_store::s3_put(where, name_, validity(), how,
                                    {{"cachekey", object_store::header_text(key_)}});
    request.url = put.url;
    request.headers = put.headers;
    request.check_url = object_store::s3_head(where, name_, validity()).url;
    return request;
  }
  ExtractRequest signed_restore(const S3Bucket& where, std::chrono::seconds age = 0s) {
    auto request = restore_request();
    request.object.url = object_store::s3_get(where, name_, validity(age)).url;
    request.object.head_url = object_store::s3_head(where, name_, validity(age)).url;
    return request;
  }
  void forget_local_copy() const { fs::remove_all(file_.parent_path()); }

  S3Server s3_;
  const std::string name_ = "runner/x/project/1/a key+\xC3\xBC%";
  const std::string key_ = "a  key\n\xC3\xBC%";
};

TEST_F(CacheS3, SignedAddressesAreTaken) {
  write("f", "text");
  EXPECT_EQ(save(signed_save(bucket())), 0) << log_;
  EXPECT_THAT(log_, AllOf(HasSubstr("Using presigned URL for cache upload"),
                          HasSubstr("Uploading cache.zip to http://" + s3_.host() + "/caches/"),
                          Not(HasSubstr("X-Amz-"))));
  fs::remove(project_ / "f");
  forget_local_copy();
  EXPECT_EQ(restore(signed_restore(bucket())), 0) << log_;
  EXPECT_EQ(read_file(project_ / "f"), "text");
  EXPECT_THAT(read_file(file_.parent_path() / "metadata.json"),
              HasSubstr(R"("cachekey":"a %20key%0A%C3%BC%25")"));
  // Unchanged, and there: it is looked for and not sent again.
  EXPECT_EQ(save(signed_save(bucket())), 0);
  EXPECT_THAT(s3_.requests(), ElementsAre(StartsWith("PUT 200 /caches/runner/x/project/1/a%20key"),
                                          StartsWith("GET 200 "), StartsWith("HEAD 200 ")));
}

TEST_F(CacheS3, PartsAreTakenByTheSameSignature) {
  write("f", std::string(300'000, 'x') + std::string(300'000, 'y'));
  auto stored = signed_save(bucket());
  stored.level = "fastest";
  EXPECT_EQ(save(stored), 0) << log_;
  forget_local_copy();
  auto request = signed_restore(bucket());
  request.tuning.parallel = true;
  request.tuning.chunk_size = 100'000;
  EXPECT_EQ(restore(request), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("(parallel)"));
  EXPECT_THAT(s3_.requests(), Contains(StartsWith("GET 206 ")).Times(testing::Ge(6)));
}

TEST_F(CacheS3, AWrongKeyIsRefused) {
  write("f", "text");
  EXPECT_EQ(save(signed_save(bucket("another key"))), 1);
  EXPECT_THAT(log_, HasSubstr("received: 403 Forbidden. Request failed with code: "
                              "SignatureDoesNotMatch, message: "));
  EXPECT_EQ(save(signed_save(bucket())), 0) << log_;
  EXPECT_EQ(restore(signed_restore(bucket("another key"))), 1);
  EXPECT_THAT(log_, HasSubstr("SignatureDoesNotMatch"));
}

TEST_F(CacheS3, AnAddressIsOfOneMethodOneObjectAndItsTime) {
  write("f", "text");
  EXPECT_EQ(save(signed_save(bucket())), 0) << log_;
  auto other_method = signed_restore(bucket());
  other_method.object.url = other_method.object.head_url;
  EXPECT_EQ(restore(other_method), 1);
  EXPECT_THAT(log_, HasSubstr("SignatureDoesNotMatch"));
  auto other_object = signed_restore(bucket());
  other_object.object.url.replace(other_object.object.url.find("/project/1/"), 11, "/project/2/");
  EXPECT_EQ(restore(other_object), 1);
  EXPECT_THAT(log_, HasSubstr("SignatureDoesNotMatch"));
  EXPECT_EQ(restore(signed_restore(bucket(), 2h)), 1);
  EXPECT_THAT(log_, HasSubstr("Request has expired"));
}

TEST_F(CacheS3, HeadersAreSentAsTheyWereSigned) {
  write("f", "text");
  EXPECT_EQ(save(signed_save(bucket(), {"KMS", "arn:aws:kms:eu-west-1:1:key/2"})), 0) << log_;
  write("f", "newer text");
  auto stripped = signed_save(bucket(), {"AES256", ""});
  stripped.headers.pop_back();
  EXPECT_EQ(save(stripped), 1);
  EXPECT_THAT(log_, HasSubstr("AccessDenied"));
}

TEST_F(CacheS3, ASessionsTokenIsPartOfTheAddress) {
  auto with_token = bucket();
  with_token.session_token = util::Secret{"FwoGZXIvYXdzE/+=="};
  write("f", "text");
  EXPECT_EQ(save(signed_save(with_token)), 0) << log_;
  forget_local_copy();
  EXPECT_EQ(restore(signed_restore(with_token)), 0) << log_;
}

}  // namespace
}  // namespace slipway::helper::cache
