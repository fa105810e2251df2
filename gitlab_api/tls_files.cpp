#include "gitlab_api/tls_files.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

namespace slipway::gitlab_api {

namespace {

constexpr std::streamsize file_limit = 1 << 20;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bio memory(const std::string& text) {
  return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// An encrypted key must not make OpenSSL ask on the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

Certificate first_certificate(const std::string& pem) {
  const auto bio = memory(pem);
  Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return certificate;
}

bool is_pair(const std::string& certificate, const std::string& key) {
  const auto bio = memory(key);
  const Key private_key{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)};
  const auto leaf = first_certificate(certificate);
  const bool fits =
      leaf && private_key && X509_check_private_key(leaf.get(), private_key.get()) == 1;
  ERR_clear_error();
  return fits;
}

/// nullopt with errno set when the file cannot be read; EFBIG past the limit.
std::optional<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream in{path, std::ios::binary};
  if (!in) return std::nullopt;
  std::string text(file_limit + 1, '\0');
  in.read(text.data(), file_limit + 1);
  if (in.bad()) return std::nullopt;
  if (in.gcount() > file_limit) {
    errno = EFBIG;
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string stamp(const std::string& path) {
  if (path.empty()) return "";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fmt::format("error {}", errno);
  return fmt::format("{}.{} {} {}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size,
                     status.st_ino);
}

}  // namespace

TlsFiles::TlsFiles(std::string ca_file, std::string certificate_file, std::string key_file)
    : ca_file_{std::move(ca_file)},
      certificate_file_{std::move(certificate_file)},
      key_file_{std::move(key_file)} {
  loaded_ = stamps();
  load();
}

bool TlsFiles::refresh() {
  // Taken before reading: a file replaced meanwhile is then read once more, never missed.
  auto now = stamps();
  if (now == loaded_) return false;
  loaded_ = std::move(now);
  load();
  return true;
}

TlsFiles::Stamps TlsFiles::stamps() const {
  return {stamp(ca_file_), stamp(certificate_file_), stamp(key_file_)};
}

void TlsFiles::load() {
  options_ = {};
  if (!ca_file_.empty()) {
    auto ca = read_file(ca_file_);
    if (ca && first_certificate(*ca))
      options_.ca = std::move(*ca);
    else if (ca)
      spdlog::error("CA file ignored, it holds no PEM certificate path={}", ca_file_);
    else if (errno != ENOENT)
      spdlog::error("CA file ignored path={} error=\"{}\"", ca_file_, std::strerror(errno));
  }
  if (certificate_file_.empty() || key_file_.empty()) return;
  auto certificate = read_file(certificate_file_);
  auto key = read_file(key_file_);
  if (!certificate || !key || !is_pair(*certificate, *key)) {
    spdlog::error(
        "client certificate ignored, certificate and key cannot be read or do not fit "
        "certificate={} key={}",
        certificate_file_, key_file_);
    return;
  }
  options_.certificate = std::move(*certificate);
  options_.key = std::move(*key);
}

}  // namespace slipway::gitlab_api
