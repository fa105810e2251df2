#include "net/certificates.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <stdexcept>

namespace slipway::net {

namespace {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Bio = std::unique_ptr<BIO, Freeing<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freeing<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freeing<GENERAL_NAMES_free>>;
using Name = std::unique_ptr<GENERAL_NAME, Freeing<GENERAL_NAME_free>>;
using Octets = std::unique_ptr<ASN1_STRING, Freeing<ASN1_STRING_free>>;

constexpr int serial_bytes = 16;
constexpr std::size_t longest_host_name = 253;
constexpr std::size_t longest_label = 63;
/// The Common Name's upper bound of X.509.
constexpr std::size_t longest_common_name = 64;

void expect(bool done, const char* what) {
  if (!done) throw std::runtime_error{fmt::format("the crypto library cannot {}", what)};
}

Key new_key() {
  Key key{EVP_EC_gen("P-256")};
  expect(key != nullptr, "make an EC key");
  return key;
}

void set_serial(X509* certificate) {
  unsigned char random[serial_bytes];
  expect(RAND_bytes(random, sizeof random) == 1, "draw random numbers");
  random[0] = static_cast<unsigned char>((random[0] & 0x7f) | 0x40);  // positive, never short
  const std::unique_ptr<BIGNUM, Freeing<BN_free>> number{BN_bin2bn(random, sizeof random, nullptr)};
  expect(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
         "set a serial number");
}

void set_time(ASN1_TIME* field, CertificateAuthority::Time time) {
  expect(field != nullptr && ASN1_TIME_set(field, time.time_since_epoch().count()) != nullptr,
         "set a time");
}

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, id, value)};
  expect(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

/// An address or a name; null for what is neither.
Name general_name(const std::string& host) {
  Name name{GENERAL_NAME_new()};
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  const bool is_address = !error && host.find('%') == std::string::npos;
  if (!is_address && !is_host_name(host)) return nullptr;
  Octets value{ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING)};
  expect(name && value, "make a name");
  bool set = false;
  if (!is_address) {
    set = ASN1_STRING_set(value.get(), host.data(), static_cast<int>(host.size())) == 1;
  } else if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    set = ASN1_STRING_set(value.get(), bytes.data(), static_cast<int>(bytes.size())) == 1;
  } else {
    const auto bytes = address.to_v6().to_bytes();
    set = ASN1_STRING_set(value.get(), bytes.data(), static_cast<int>(bytes.size())) == 1;
  }
  expect(set, "make a name");
  GENERAL_NAME_set0_value(name.get(), is_address ? GEN_IPADD : GEN_DNS, value.release());
  return name;
}

void add_hosts(X509* certificate, const std::vector<std::string>& hosts) {
  const Names names{GENERAL_NAMES_new()};
  expect(names != nullptr, "make a list of names");
  for (const auto& host : hosts) {
    auto name = general_name(host);
    if (!name) continue;
    expect(sk_GENERAL_NAME_push(names.get(), name.get()) > 0, "make a list of names");
    name.release();  // the list's now
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return;
  expect(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1,
         "add the names");
}

/// Neither signed nor with extensions yet. `issuer` null: it is its own.
Certificate new_certificate(const std::string& common_name, EVP_PKEY* key, X509* issuer,
                            const CertificateAuthority::Validity& validity) {
  Certificate certificate{X509_new()};
  expect(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1,
         "make a certificate");
  set_serial(certificate.get());
  set_time(X509_getm_notBefore(certificate.get()), validity.from);
  set_time(X509_getm_notAfter(certificate.get()), validity.to);
  const auto text = common_name.substr(0, longest_common_name);
  auto* subject = X509_get_subject_name(certificate.get());
  expect(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1,
         "name a certificate");
  auto* issued_by = issuer == nullptr ? subject : X509_get_subject_name(issuer);
  expect(X509_set_issuer_name(certificate.get(), issued_by) == 1 &&
             X509_set_pubkey(certificate.get(), key) == 1,
         "make a certificate");
  add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  return certificate;
}

void sign(X509* certificate, EVP_PKEY* key) {
  expect(X509_sign(certificate, key, EVP_sha256()) > 0, "sign a certificate");
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string to_pem(X509* certificate) {
  const Bio bio{BIO_new(BIO_s_mem())};
  expect(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "write a certificate");
  return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const Bio bio{BIO_new(BIO_s_secmem())};
  expect(
      bio && PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "write a key");
  return text_of(bio.get());
}

/// What an end of a connection gets, with everything but its names and its use.
CertificateAuthority::Issued finish(Certificate certificate, EVP_PKEY* own, X509* issuer,
                                    EVP_PKEY* signing, const char* use) {
  auto* const raw = certificate.get();
  add_extension(raw, issuer, NID_authority_key_identifier, "keyid:always");
  add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(raw, issuer, NID_ext_key_usage, use);
  sign(raw, signing);
  return {to_pem(raw), util::Secret{to_pem(own)}};
}

}  // namespace

struct CertificateAuthority::Keys {
  Key key;
  Certificate certificate;
};

CertificateAuthority::CertificateAuthority(const std::string& name, Validity validity)
    : keys_{std::make_unique<Keys>()}, validity_{validity} {
  keys_->key = new_key();
  keys_->certificate = new_certificate(name, keys_->key.get(), nullptr, validity_);
  auto* const raw = keys_->certificate.get();
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(raw, keys_->key.get());
  certificate_ = to_pem(raw);
}

CertificateAuthority::~CertificateAuthority() = default;

CertificateAuthority::Issued CertificateAuthority::issue_server(
    const std::string& name, const std::vector<std::string>& hosts) const {
  const auto key = new_key();
  auto* const issuer = keys_->certificate.get();
  auto certificate = new_certificate(name, key.get(), issuer, validity_);
  add_hosts(certificate.get(), hosts);
  return finish(std::move(certificate), key.get(), issuer, keys_->key.get(), "serverAuth");
}

CertificateAuthority::Issued CertificateAuthority::issue_client(const std::string& name) const {
  const auto key = new_key();
  auto* const issuer = keys_->certificate.get();
  auto certificate = new_certificate(name, key.get(), issuer, validity_);
  return finish(std::move(certificate), key.get(), issuer, keys_->key.get(), "clientAuth");
}

bool is_host_name(const std::string& text) {
  if (text.empty() || text.size() > longest_host_name) return false;
  std::size_t label = 0;
  for (const unsigned char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if ((!std::isalnum(c) && c != '-' && c != '_') || c >= 0x80 || ++label > longest_label)
      return false;
  }
  return label != 0;
}

}  // namespace slipway::net
