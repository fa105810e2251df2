#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace slipway::tests {

/// A certificate and its key, PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

struct CertificateOptions {
  /// Subject alternative names as OpenSSL writes them, e.g. "DNS:docker", "IP:127.0.0.1".
  std::vector<std::string> names{"DNS:localhost", "IP:127.0.0.1"};
  /// Relative to now.
  std::chrono::seconds valid_from{-3600};
  std::chrono::seconds valid_to{3600};
  bool for_client = false;
};

/// A certificate authority of a test's own, made in the process (EC P-256, a few milliseconds).
class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();

  const std::string& certificate() const;
  Identity issue(const CertificateOptions& options = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::tests
