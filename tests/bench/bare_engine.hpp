#pragma once

#include <string>

#include "tests/bench/lab.hpp"
#include "tests/fakes/certificates.hpp"

namespace slipway::bench {

/// A Docker-in-Docker container started by raw Engine calls, for comparison. Results are
/// milliseconds from its start until `/_ping` answers over TLS; it is removed afterwards.
class BareEngine {
 public:
  explicit BareEngine(Lab& lab);

  /// With certificates that were there before the start. \throws WrongResult when no answer comes.
  asio::awaitable<double> run() const;
  /// With certificates that the image's entrypoint makes.
  asio::awaitable<double> run_without_certificates() const;

 private:
  std::string archive() const;
  asio::awaitable<std::string> create() const;
  asio::awaitable<std::string> address(std::string id) const;

  Lab& lab_;
  tests::CertificateAuthority authority_;
  tests::Identity server_;
  tests::Identity client_;
};

}  // namespace slipway::bench
