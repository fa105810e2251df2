#include "executors/docker/dind_certificates.hpp"

#include <algorithm>

namespace slipway::executors::docker {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds before_now = 1h;
constexpr std::chrono::seconds past_the_timeout = 24h;
/// A job may have any; no clock gets there.
constexpr std::chrono::seconds longest_timeout = std::chrono::hours{24 * 365};
/// Every alias is one; a certificate is read in each handshake.
constexpr std::size_t most_hosts = 200;

constexpr std::uint32_t directory_mode = 0755;
/// As every volume of a job has it.
constexpr std::uint32_t client_directory_mode = 0777;
constexpr std::uint32_t file_mode = 0644;

net::CertificateAuthority::Validity validity(DindCertificates::Time now,
                                             std::chrono::seconds job_timeout) {
  const auto timeout = std::clamp(job_timeout, std::chrono::seconds{0}, longest_timeout);
  return {now - before_now, now + timeout + past_the_timeout};
}

}  // namespace

DindCertificates::DindCertificates(Time now, std::chrono::seconds job_timeout)
    : authority_{"slipway dind CA", validity(now, job_timeout)},
      client_{authority_.issue_client("slipway dind client")} {}

void DindCertificates::add_to(docker_api::TarBuilder& archive, const std::string& cert_dir,
                              std::vector<std::string> hosts) const {
  hosts.insert(hosts.begin(), {"docker", "localhost", "127.0.0.1", "::1"});
  std::vector<std::string> names;
  for (auto& host : hosts)
    if (names.size() < most_hosts && std::find(names.begin(), names.end(), host) == names.end())
      names.push_back(std::move(host));
  const auto server = authority_.issue_server("slipway dind server", names);
  const auto& ca = authority_.certificate();
  // A file first: Engines make the directories above only for one.
  archive.add_file(cert_dir + "/ca/cert.pem", file_mode, ca);
  archive.add_directory(cert_dir + "/ca", directory_mode);
  const auto add_end = [&](const std::string& dir, std::uint32_t mode,
                           const net::CertificateAuthority::Issued& issued) {
    archive.add_directory(dir, mode);
    archive.add_file(dir + "/ca.pem", file_mode, ca);
    archive.add_file(dir + "/cert.pem", file_mode, issued.certificate);
    archive.add_file(dir + "/key.pem", file_mode, issued.key.reveal());
  };
  add_end(cert_dir + "/server", directory_mode, server);
  add_end(cert_dir + "/client", client_directory_mode, client_);
}

}  // namespace slipway::executors::docker
