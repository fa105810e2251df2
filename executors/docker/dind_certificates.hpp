#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "net/certificates.hpp"

namespace slipway::executors::docker {

/// The certificates of one job's Docker-in-Docker services: one authority and one client for all of
/// them, a server each. The authority's key stays in this object, so its `ca/key.pem` exists
/// nowhere: that is what makes the images' entrypoint use what it finds.
class DindCertificates {
 public:
  using Time = net::CertificateAuthority::Time;

  /// Valid from an hour before `now` (clocks differ) to a day past the job's timeout. \throws
  /// std::runtime_error if the crypto library fails.
  DindCertificates(Time now, std::chrono::seconds job_timeout);

  /// Adds `{ca,server,client}/…` of the directory `cert_dir`, all readable for everybody: a
  /// rootless engine is not root, and only this job's containers see them. \param hosts  under
  /// which the job may reach the service, beside `docker`, `localhost` and the loopback addresses.
  void add_to(docker_api::TarBuilder& archive, const std::string& cert_dir,
              std::vector<std::string> hosts) const;

 private:
  net::CertificateAuthority authority_;
  net::CertificateAuthority::Issued client_;
};

}  // namespace slipway::executors::docker
