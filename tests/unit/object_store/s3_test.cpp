#include "object_store/s3.hpp"

#include <gmock/gmock.h>

#include <map>

// The signatures are those of botocore 1.44 (generate_presigned_url, s3v4) for the same requests.
namespace slipway::object_store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr auto object = "runner/abc/project/7/key";
const Validity validity{std::chrono::sys_days{2026y / 3 / 4} + 5h + 6min + 7s, 1h};

S3Bucket bucket(std::string server) {
  S3Bucket bucket;
  bucket.server_address = std::move(server);
  bucket.name = "my-bucket";
  bucket.access_key = "AKIDEXAMPLE";
  bucket.secret_key = util::Secret{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
  return bucket;
}

S3Bucket amazon(bool dual_stack) {
  auto amazon = bucket("");
  amazon.region = "eu-west-1";
  amazon.dual_stack = dual_stack;
  return amazon;
}

std::string before_query(const std::string& url) {
  return url.substr(0, url.find('?'));
}

std::map<std::string, std::string> query_of(const std::string& url) {
  std::map<std::string, std::string> query;
  for (auto at = url.find('?'); at != std::string::npos;) {
    const auto end = url.find('&', at + 1);
    const auto part = url.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    query[part.substr(0, part.find('='))] = part.substr(part.find('=') + 1);
    at = end;
  }
  return query;
}

struct Vector {
  const char* what;
  SignedUrl url;
  const char* address;
  const char* signature;
};

TEST(S3, SignsAsBotocoreDoes) {
  auto plain = bucket("s3.example.com");
  plain.insecure = true;
  auto local = bucket("127.0.0.1:9000");
  local.insecure = true;
  auto accelerated = amazon(false);
  accelerated.accelerate = true;
  auto forced = amazon(true);
  forced.path_style = true;
  auto with_token = bucket("s3.example.com");
  with_token.session_token = util::Secret{"FwoGZXIvYXdzE/+=="};
  const Vector vectors[] = {
      {"path style", s3_get(bucket("s3.example.com:9000"), object, validity),
       "https://s3.example.com:9000/my-bucket/runner/abc/project/7/key",
       "902ef5939b3c84e4cbb4f202ad212c8f7133e9d1fadd90dc8e7ab80500b2bfda"},
      {"HEAD", s3_head(bucket("s3.example.com:9000"), object, validity),
       "https://s3.example.com:9000/my-bucket/runner/abc/project/7/key",
       "fd5c8f42d33ad920a7f4774d1380558cfc6bb3ca6072a5ff3b18461d38cf33e3"},
      {"without TLS", s3_get(plain, object, validity),
       "http://s3.example.com/my-bucket/runner/abc/project/7/key",
       "3e818da2334935609e6d6fb01f802ec604228a583c9b3313f66c6a27170db221"},
      {"all characters", s3_get(local, "a b/\xC3\xBC+%/$&=?#~'()*!@:,;", validity),
       "http://127.0.0.1:9000/my-bucket/"
       "a%20b/%C3%BC%2B%25/%24%26%3D%3F%23~%27%28%29%2A%21%40%3A%2C%3B",
       "b43e756be1e62dc6d75db1b25e7adbd8925124f151f08b1b9ab43e8eb293c6a8"},
      {"Amazon, dual stack", s3_get(amazon(true), object, validity),
       "https://my-bucket.s3.dualstack.eu-west-1.amazonaws.com/runner/abc/project/7/key",
       "7fd588bccc1c2a50f9affbb666c97c8627e3e9cec8b59407a0d0a9f575679f19"},
      {"Amazon", s3_get(amazon(false), object, validity),
       "https://my-bucket.s3.eu-west-1.amazonaws.com/runner/abc/project/7/key",
       "1d46c2d853479e455344ce342d56b6730d1693add1c35a828f473029e01841b4"},
      {"accelerated", s3_get(accelerated, object, validity),
       "https://my-bucket.s3-accelerate.amazonaws.com/runner/abc/project/7/key",
       "77dbe7ea6e4b1c8dd6e5f2dcb7c50a2dd4df9fd14291c151ac5c57f76770be3f"},
      {"path style on demand", s3_get(forced, object, validity),
       "https://s3.dualstack.eu-west-1.amazonaws.com/my-bucket/runner/abc/project/7/key",
       "945295c5b7bc441555390615f8aa21546004372e1dfcfc6a4db36997277a2265"},
      {"session token", s3_get(with_token, object, validity),
       "https://s3.example.com/my-bucket/runner/abc/project/7/key",
       "bee0632265f5060b6b03a1ff1bf546906c18a84fd5ab930b8b5bf662488bac61"},
      {"PUT",
       s3_put(bucket("s3.example.com"), object, validity, {}, {{"cachekey", "my key-protected"}}),
       "https://s3.example.com/my-bucket/runner/abc/project/7/key",
       "572335fdb9a9db7e4b56019e37336215eb8fc15469da99b5bd02ea4b7cac050e"},
      {"PUT, encrypted by S3",
       s3_put(bucket("s3.example.com"), object, validity, {"s3", "unused"}, {{"cachekey", "k"}}),
       "https://s3.example.com/my-bucket/runner/abc/project/7/key",
       "ebc1ee2cee9ea049ef818b2085596d61872c05341c27766565eaf92814dfcabe"},
      {"PUT, encrypted by a key",
       s3_put(bucket("s3.example.com"), object, {validity.from, 1min},
              {"aws:kms", "arn:aws:kms:eu-west-1:1:key/2"}, {{"cachekey", "k"}}),
       "https://s3.example.com/my-bucket/runner/abc/project/7/key",
       "1d2b32e8f1170f8bb5290db3eb0dd10bdfdeb43d2148086882a2875d3346f164"},
  };
  for (const auto& vector : vectors) {
    SCOPED_TRACE(vector.what);
    EXPECT_EQ(before_query(vector.url.url), vector.address);
    const auto query = query_of(vector.url.url);
    EXPECT_EQ(query.at("X-Amz-Signature"), vector.signature);
    EXPECT_EQ(query.at("X-Amz-Algorithm"), "AWS4-HMAC-SHA256");
    EXPECT_EQ(query.at("X-Amz-Date"), "20260304T050607Z");
    EXPECT_THAT(query.at("X-Amz-Credential"), StartsWith("AKIDEXAMPLE%2F20260304%2F"));
    EXPECT_THAT(vector.url.url, Not(HasSubstr("wJalr")));
  }
}

TEST(S3, TellsWhichHeadersAreSigned) {
  const auto put =
      s3_put(bucket("s3.example.com"), object, validity, {"DSSE-KMS", "id"}, {{"cachekey", "k"}});
  EXPECT_THAT(put.headers, ElementsAre(Pair("x-amz-meta-cachekey", "k"),
                                       Pair("x-amz-server-side-encryption", "aws:kms:dsse"),
                                       Pair("x-amz-server-side-encryption-aws-kms-key-id", "id")));
  EXPECT_EQ(query_of(put.url).at("X-Amz-SignedHeaders"),
            "host%3Bx-amz-meta-cachekey%3Bx-amz-server-side-encryption%3B"
            "x-amz-server-side-encryption-aws-kms-key-id");
  EXPECT_THAT(s3_get(bucket("s3.example.com"), object, validity).headers, ElementsAre());
}

struct AddressCase {
  const char* server;
  const char* name;
  bool insecure;
  std::optional<bool> path_style;
  const char* want;
};

TEST(S3, FindsTheBucketsAddress) {
  const AddressCase cases[] = {
      {"s3.example.com:443", "bkt", false, {}, "https://s3.example.com/bkt/o"},
      {"s3.example.com:80", "bkt", true, {}, "http://s3.example.com/bkt/o"},
      {"s3.example.com:443", "bkt", true, {}, "http://s3.example.com:443/bkt/o"},
      {"s3.example.com", "bkt", false, false, "https://bkt.s3.example.com/o"},
      {"[::1]:9000", "bkt", true, {}, "http://[::1]:9000/bkt/o"},
      {"s3.amazonaws.com", "bkt", false, {}, "https://bkt.s3.dualstack.us-east-1.amazonaws.com/o"},
      {"s3.amazonaws.com:443", "bkt", false, true,
       "https://s3.dualstack.us-east-1.amazonaws.com/bkt/o"},
      {"S3.eu-central-1.amazonaws.com",
       "bkt",
       false,
       {},
       "https://bkt.S3.eu-central-1.amazonaws.com/o"},
      {"storage.googleapis.com", "bkt", false, {}, "https://bkt.storage.googleapis.com/o"},
      // No wildcard certificate has two labels, and host names have no underscore.
      {"", "a.b.c", false, {}, "https://s3.dualstack.us-east-1.amazonaws.com/a.b.c/o"},
      {"", "a.b.c", true, {}, "http://a.b.c.s3.dualstack.us-east-1.amazonaws.com/o"},
      {"", "a_b", false, {}, "https://s3.dualstack.us-east-1.amazonaws.com/a_b/o"},
      {"", "-ab", false, {}, "https://s3.dualstack.us-east-1.amazonaws.com/-ab/o"},
      {"", "ab", false, {}, "https://s3.dualstack.us-east-1.amazonaws.com/ab/o"},
  };
  for (const auto& c : cases) {
    auto where = bucket(c.server);
    where.name = c.name;
    where.insecure = c.insecure;
    where.path_style = c.path_style;
    EXPECT_EQ(before_query(s3_get(where, "o", validity).url), c.want);
  }
  auto china = bucket("");
  china.region = "cn-north-1";
  china.dual_stack = false;
  EXPECT_EQ(before_query(s3_get(china, "o", validity).url),
            "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/o");
}

TEST(S3, CutsAValidityThatServersRefuse) {
  const auto expires = [](std::chrono::seconds length) {
    return query_of(s3_get(bucket("s"), object, {validity.from, length}).url).at("X-Amz-Expires");
  };
  EXPECT_EQ(expires(167h), "601200");
  EXPECT_EQ(expires(1000h), "604800");
  EXPECT_EQ(expires(0s), "1");
}

TEST(S3, NamesWhatIsMissing) {
  const auto problem = [](const S3Bucket& where, const S3Encryption& encryption) {
    try {
      s3_put(where, object, validity, encryption, {});
      return std::string{};
    } catch (const StoreError& error) {
      return std::string{error.what()};
    }
  };
  auto unnamed = bucket("s");
  unnamed.name = "";
  EXPECT_EQ(problem(unnamed, {}), "BucketName can't be empty");
  auto keyless = bucket("s");
  keyless.secret_key = util::Secret{};
  EXPECT_EQ(problem(keyless, {}), "AccessKey and SecretKey can't be empty");
  EXPECT_EQ(problem(bucket("s"), {"rot13", ""}),
            "ServerSideEncryption \"rot13\" is none of S3, KMS, DSSE-KMS");
}

TEST(HeaderText, HoldsWhatAHeaderMay) {
  EXPECT_EQ(header_text("a b-c/d"), "a b-c/d");
  EXPECT_EQ(header_text("a\r\nX: y"), "a%0D%0AX: y");
  EXPECT_EQ(header_text("\xC3\xBC%"), "%C3%BC%25");
  EXPECT_EQ(header_text(" a  b "), "%20a %20b%20");
  EXPECT_EQ(header_text("\t"), "%09");
  EXPECT_EQ(header_text(""), "");
}

}  // namespace
}  // namespace slipway::object_store
