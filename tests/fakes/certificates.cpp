#include "tests/fakes/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace slipway::tests {

namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error{std::string{"test certificate: "} + what};
}

Key new_key() {
  Key key{::EVP_EC_gen("P-256")};
  require(key != nullptr, "key");
  return key;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const std::unique_ptr<BIO, Free> bio{::BIO_new(::BIO_s_mem())};
  require(::PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM");
  return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const std::unique_ptr<BIO, Free> bio{::BIO_new(::BIO_s_mem())};
  require(::PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "PEM");
  return text_of(bio.get());
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension{
      ::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
  require(extension && ::X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

Certificate blank(EVP_PKEY* key, const char* name, std::chrono::seconds from,
                  std::chrono::seconds to) {
  Certificate certificate{::X509_new()};
  ::X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint64_t serial = 0;
  ::RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate.get()), serial >> 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), from.count());
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate.get()), to.count());
  ::X509_set_pubkey(certificate.get(), key);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

}  // namespace

class CertificateAuthority::Impl {
 public:
  Impl()
      : key{new_key()},
        certificate{
            blank(key.get(), "test authority", -std::chrono::hours{24}, std::chrono::hours{24})} {
    ::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(certificate.get()));
    extend(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign");
    extend(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
    require(::X509_sign(certificate.get(), key.get(), ::EVP_sha256()) > 0, "signature");
    text = pem(certificate.get());
  }

  Key key;
  Certificate certificate;
  std::string text;
};

CertificateAuthority::CertificateAuthority() : impl_{std::make_unique<Impl>()} {}
CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificate() const {
  return impl_->text;
}

Identity CertificateAuthority::issue(const CertificateOptions& options) const {
  const auto key = new_key();
  const auto certificate = blank(key.get(), options.for_client ? "test client" : "test server",
                                 options.valid_from, options.valid_to);
  auto* const issuer = impl_->certificate.get();
  ::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(issuer));
  extend(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), issuer, NID_ext_key_usage,
         options.for_client ? "clientAuth" : "serverAuth");
  extend(certificate.get(), issuer, NID_authority_key_identifier, "keyid");
  std::string names;
  for (const auto& name : options.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) extend(certificate.get(), issuer, NID_subject_alt_name, names);
  require(::X509_sign(certificate.get(), impl_->key.get(), ::EVP_sha256()) > 0, "signature");
  return {pem(certificate.get()), pem(key.get())};
}

}  // namespace slipway::tests
