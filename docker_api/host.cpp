#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "docker_api/client.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::uint16_t plain_port = 2375;
constexpr std::uint16_t tls_port = 2376;

struct HostParts {
  std::string scheme;
  std::string remainder;
};

HostParts split(std::string_view host) {
  const auto separator = host.find("://");
  if (separator == std::string_view::npos || separator == 0 || separator + 3 == host.size())
    throw std::invalid_argument{fmt::format("unable to parse docker host `{}`", host)};
  return {std::string{host.substr(0, separator)}, std::string{host.substr(separator + 3)}};
}

/// Whether `authority` (user information included) names a port.
bool names_port(std::string_view authority) {
  if (const auto at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  const auto bracket = authority.rfind(']');
  return authority.find(':', bracket == std::string_view::npos ? 0 : bracket) !=
         std::string_view::npos;
}

net::Url parse_remainder(const HostParts& parts, std::string_view host) {
  auto url = net::parse_url("http://" + parts.remainder);
  if (!url) throw std::invalid_argument{fmt::format("unable to parse docker host `{}`", host)};
  return *url;
}

std::string read_pem(const std::string& directory, const char* name) {
  const auto path = fmt::format("{}/{}", directory, name);
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || !text) {
    const int cause = errno;
    throw std::invalid_argument{
        fmt::format("unable to read the docker TLS file {}: {}", path,
                    cause != 0 ? std::strerror(cause) : "the file is empty or unreadable")};
  }
  return text.str();
}

net::TlsOptions tls_options(bool tls_verify, const std::string& cert_path) {
  net::TlsOptions tls;
  if (!tls_verify || cert_path.empty()) return tls;
  tls.ca = read_pem(cert_path, "ca.pem");
  tls.certificate = read_pem(cert_path, "cert.pem");
  tls.key = read_pem(cert_path, "key.pem");
  tls.system_roots = false;
  return tls;
}

}  // namespace

net::Endpoint parse_host(std::string_view host, bool tls_verify, const std::string& cert_path) {
  const auto parts = split(host);
  net::Endpoint endpoint;
  if (parts.scheme == "unix") {
    endpoint.scheme = net::Endpoint::Scheme::unix_socket;
    endpoint.host = parts.remainder;
    return endpoint;
  }
  if (parts.scheme != "tcp" && parts.scheme != "http" && parts.scheme != "https")
    throw std::invalid_argument{
        fmt::format("unable to parse docker host: scheme `{}` is not one of unix, tcp, http, https",
                    parts.scheme)};

  const auto url = parse_remainder(parts, host);
  // An https address is never spoken to in plain text, whatever tls_verify says.
  const bool tls = tls_verify || parts.scheme == "https";
  endpoint.scheme = tls ? net::Endpoint::Scheme::https : net::Endpoint::Scheme::http;
  endpoint.host = url.host;
  if (names_port(parts.remainder.substr(0, parts.remainder.find_first_of("/?"))))
    endpoint.port = url.port;
  else if (parts.scheme == "tcp")
    endpoint.port = tls ? tls_port : plain_port;
  else
    endpoint.port = tls ? 443 : 80;
  if (tls) endpoint.tls = tls_options(tls_verify, cert_path);
  return endpoint;
}

std::string host_prefix(std::string_view host) {
  const auto parts = split(host);
  if (parts.scheme == "unix") return "";
  auto path = parse_remainder(parts, host).path;
  if (const auto query = path.find('?'); query != std::string::npos) path.resize(query);
  while (path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace slipway::docker_api
