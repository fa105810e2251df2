#include "net/certificates.hpp"

#include <gmock/gmock.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <set>

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using Time = CertificateAuthority::Time;

struct FreeX509 {
  void operator()(X509* one) const { X509_free(one); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;
struct FreeKey {
  void operator()(EVP_PKEY* one) const { EVP_PKEY_free(one); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Certificate read_certificate(const std::string& pem) {
  auto* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate{PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)};
  BIO_free(bio);
  return certificate;
}

Key read_key(const std::string& pem) {
  auto* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Key key{PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr)};
  BIO_free(bio);
  return key;
}

/// What OpenSSL finds wrong with `certificate` at `when`; X509_V_OK if nothing.
int verify(const std::string& certificate, const std::string& ca, int purpose, Time when) {
  const auto leaf = read_certificate(certificate);
  const auto root = read_certificate(ca);
  auto* const store = X509_STORE_new();
  X509_STORE_add_cert(store, root.get());
  auto* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  auto* const parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, when.time_since_epoch().count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  const int result = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return result;
}

const Time now{std::chrono::seconds{1'795'000'000}};
const CertificateAuthority::Validity day{now - 1h, now + 24h};

TEST(Certificates, FormChainsForTheirPurposeAndTime) {
  const CertificateAuthority ca{"the authority", day};
  const CertificateAuthority other{"the authority", day};
  const auto server = ca.issue_server("the server", {"docker"});
  const auto client = ca.issue_client("the client");
  const struct {
    const char* what;
    const std::string& certificate;
    const std::string& ca;
    int purpose;
    Time when;
    int want;
  } cases[] = {
      {"server", server.certificate, ca.certificate(), X509_PURPOSE_SSL_SERVER, now, X509_V_OK},
      {"client", client.certificate, ca.certificate(), X509_PURPOSE_SSL_CLIENT, now, X509_V_OK},
      {"a server is no client", server.certificate, ca.certificate(), X509_PURPOSE_SSL_CLIENT, now,
       X509_V_ERR_INVALID_PURPOSE},
      {"a client is no server", client.certificate, ca.certificate(), X509_PURPOSE_SSL_SERVER, now,
       X509_V_ERR_INVALID_PURPOSE},
      {"too early", server.certificate, ca.certificate(), X509_PURPOSE_SSL_SERVER, now - 2h,
       X509_V_ERR_CERT_NOT_YET_VALID},
      {"too late", server.certificate, ca.certificate(), X509_PURPOSE_SSL_SERVER, now + 25h,
       X509_V_ERR_CERT_HAS_EXPIRED},
      {"another authority of that name", server.certificate, other.certificate(),
       X509_PURPOSE_SSL_SERVER, now, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(verify(c.certificate, c.ca, c.purpose, c.when), c.want);
  }
}

TEST(Certificates, HaveEcKeysOfTheirOwn) {
  const CertificateAuthority ca{"a", day};
  const auto server = ca.issue_server("s", {"docker"});
  const auto client = ca.issue_client("c");
  for (const auto* issued : {&server, &client}) {
    const auto certificate = read_certificate(issued->certificate);
    const auto key = read_key(issued->key.reveal());
    ASSERT_TRUE(certificate && key);
    EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1);
    EXPECT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_EC);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
  }
  EXPECT_NE(server.key, client.key);
  EXPECT_EQ(fmt::format("{}", server.key), "[MASKED]");
}

TEST(Certificates, NameTheServersHosts) {
  const CertificateAuthority ca{"a", day};
  const std::string odd[] = {"docker",
                             "registry.example.com__library__docker",
                             "127.0.0.1",
                             "::1",
                             "a\nDNS:b",
                             "evil,DNS:example.com",
                             "",
                             "-ok-",
                             "a..b",
                             std::string(300, 'x'),
                             "fe80::1%eth0",
                             "x\0y"};
  const auto issued = ca.issue_server("s", {std::begin(odd), std::end(odd)});
  const auto certificate = read_certificate(issued.certificate);
  const auto names = [&](const char* host) {
    return X509_check_host(certificate.get(), host, 0, 0, nullptr) == 1;
  };
  EXPECT_TRUE(names("docker"));
  EXPECT_FALSE(names("example.com"));
  EXPECT_FALSE(names("b"));
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.2", 0), 0);
  auto* const list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr));
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(sk_GENERAL_NAME_num(list), 6);  // docker, registry…, -ok-, x, both addresses
  GENERAL_NAMES_free(list);
}

TEST(Certificates, NeverRepeatASerialNumber) {
  const CertificateAuthority ca{"a", day};
  std::set<std::string> serials;
  for (int i = 0; i < 20; ++i) {
    const auto issued = ca.issue_client("c");
    const auto certificate = read_certificate(issued.certificate);
    const auto* serial = X509_get0_serialNumber(certificate.get());
    auto* const number = ASN1_INTEGER_to_BN(serial, nullptr);
    EXPECT_FALSE(BN_is_negative(number));
    auto* const text = BN_bn2hex(number);
    EXPECT_TRUE(serials.insert(text).second);
    OPENSSL_free(text);
    BN_free(number);
  }
}

TEST(Certificates, KnowHostNames) {
  for (const char* good : {"a", "docker", "a-b_c", "A.b.c", "127.0.0.1"})
    EXPECT_TRUE(is_host_name(good));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a b", "a:b", "a/b", "*.a", "\xc3\xa4"})
    EXPECT_FALSE(is_host_name(bad)) << bad;
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace slipway::net
