#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "docker_api/client.hpp"

namespace slipway::docker_api {
namespace {

using Scheme = net::Endpoint::Scheme;
using testing::HasSubstr;

TEST(ParseHost, TakesTheDocumentedForms) {
  struct Case {
    const char* host;
    bool tls_verify;
    Scheme scheme;
    const char* name;
    int port;
    const char* prefix;
  };
  const Case cases[] = {
      {"unix:///var/run/docker.sock", false, Scheme::unix_socket, "/var/run/docker.sock", 0, ""},
      {"unix:///var/run/docker.sock", true, Scheme::unix_socket, "/var/run/docker.sock", 0, ""},
      {"tcp://10.0.0.1:2375", false, Scheme::http, "10.0.0.1", 2375, ""},
      {"tcp://docker:2376", true, Scheme::https, "docker", 2376, ""},
      {"tcp://docker", false, Scheme::http, "docker", 2375, ""},
      {"tcp://docker", true, Scheme::https, "docker", 2376, ""},
      {"tcp://[::1]:80", false, Scheme::http, "::1", 80, ""},
      {"tcp://[::1]", false, Scheme::http, "::1", 2375, ""},
      {"tcp://docker:2375/engine/a/", false, Scheme::http, "docker", 2375, "/engine/a"},
      {"http://proxy/docker?x=1", false, Scheme::http, "proxy", 80, "/docker"},
      {"https://proxy:8443", false, Scheme::https, "proxy", 8443, ""},
      {"https://proxy", true, Scheme::https, "proxy", 443, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.host);
    const auto endpoint = parse_host(c.host, c.tls_verify, "");
    EXPECT_EQ(endpoint.scheme, c.scheme);
    EXPECT_EQ(endpoint.host, c.name);
    EXPECT_EQ(endpoint.port, c.port);
    EXPECT_TRUE(endpoint.tls.system_roots);
    EXPECT_EQ(host_prefix(c.host), c.prefix);
  }
}

TEST(ParseHost, RefusesWhatIsNoAddress) {
  for (const auto* host :
       {"", "docker", "unix:/var/run/docker.sock", "tcp://", "://x", "unix://"}) {
    SCOPED_TRACE(host);
    try {
      parse_host(host, false, "");
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& e) {
      EXPECT_THAT(e.what(), HasSubstr("unable to parse docker host"));
    }
  }
  EXPECT_THROW(parse_host("npipe:////./pipe/docker", false, ""), std::invalid_argument);
  EXPECT_THROW(parse_host("ssh://me@host", false, ""), std::invalid_argument);
  EXPECT_THROW(parse_host("tcp://host:99999", false, ""), std::invalid_argument);
}

TEST(ParseHost, ReadsTheThreeCertificateFiles) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("slipway-host-test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  for (const auto* name : {"ca.pem", "cert.pem"}) std::ofstream{directory / name} << name;
  try {
    parse_host("tcp://docker:2376", true, directory.string());
    ADD_FAILURE() << "key.pem is missing";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("key.pem: No such file or directory"));
  }
  std::ofstream{directory / "key.pem"} << "key.pem";
  const auto endpoint = parse_host("tcp://docker:2376", true, directory.string());
  EXPECT_EQ(endpoint.tls.ca, "ca.pem");
  EXPECT_EQ(endpoint.tls.certificate, "cert.pem");
  EXPECT_EQ(endpoint.tls.key, "key.pem");
  EXPECT_FALSE(endpoint.tls.system_roots) << "the CA file is the only trust";
  EXPECT_EQ(parse_host("tcp://docker:2375", false, directory.string()).tls, net::TlsOptions{});
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace slipway::docker_api
