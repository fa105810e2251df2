#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "util/secret.hpp"

namespace slipway::net {

/// A certificate authority that lives as long as this object and nowhere else: its private key is
/// never written. For TLS between two ends that slipway sets up itself, such as the engine of a
/// Docker-in-Docker service and its clients. All keys are EC P-256, a few milliseconds in all. No
/// I/O. Source: RFC 5280.
class CertificateAuthority {
 public:
  using Time = std::chrono::sys_seconds;

  /// A certificate and its private key, as PEM.
  struct Issued {
    std::string certificate;
    util::Secret key;
  };
  struct Validity {
    Time from;
    Time to;
  };

  /// \param name  common name of the authority. \throws std::runtime_error if the crypto library
  /// fails, as for all members.
  CertificateAuthority(const std::string& name, Validity validity);
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  /// Its certificate, as PEM.
  const std::string& certificate() const { return certificate_; }

  /// For a server that is reached under `hosts`: names and IP addresses. What is neither is left
  /// out, so that they may come from a stranger.
  Issued issue_server(const std::string& name, const std::vector<std::string>& hosts) const;
  /// For clients only.
  Issued issue_client(const std::string& name) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  Validity validity_;
  std::string certificate_;
};

/// True for what may stand in a certificate as DNS name: letters, digits, `-`, `_` and dots between
/// them, at most 253.
bool is_host_name(const std::string& text);

}  // namespace slipway::net
