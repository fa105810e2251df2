#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "health_fixture.hpp"
#include "helper/health/probe.hpp"
#include "helper/health/service_health.hpp"
#include "sources_fixture.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Milliseconds = std::chrono::milliseconds;
using Question = Candidate::Question;

class ServiceHealth : public HealthTest {
 protected:
  /// The first service's error; `elapsed_` says how long the whole check took.
  std::string check(job::ServiceCheck service, int timeout = 1) {
    return check_all({std::move(service)}, timeout).at(0);
  }
  std::vector<std::string> check_all(std::vector<job::ServiceCheck> services, int timeout = 1) {
    job::ServiceHealthParameters parameters;
    parameters.services = std::move(services);
    parameters.timeout_seconds = timeout;
    const auto begin = std::chrono::steady_clock::now();
    const auto result = check_services(parameters);
    elapsed_ = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
    return result.errors;
  }
  static job::ServiceCheck service(std::vector<int> ports) {
    job::ServiceCheck result;
    result.name = "service";
    result.addresses = {"127.0.0.1"};
    result.ports = std::move(ports);
    return result;
  }
  static job::ServiceCheck dind(int port, const std::string& cert_dir = "") {
    auto result = service({port});
    result.dind = true;
    result.dind_tls = !cert_dir.empty();
    result.cert_dir = cert_dir;
    return result;
  }
  static std::string certs(const std::string& set) { return (directory() / set).string(); }

  Milliseconds elapsed_{0};
};

TEST_F(ServiceHealth, AnyPortThatAcceptsIsEnough) {
  const int port = free_port();
  const FakeEngine peer{{plain_endpoint(port)}};
  EXPECT_EQ(check(service({free_port(), port}), 5), "");
  EXPECT_LT(elapsed_, 2s);
}

TEST_F(ServiceHealth, WaitsForAPortThatOpensLate) {
  const int port = free_port();
  const FakeEngine peer{{plain_endpoint(port), 400ms}};
  EXPECT_EQ(check(service({port}), 10), "");
  EXPECT_GE(elapsed_, 300ms);
  EXPECT_LT(elapsed_, 3s);
}

TEST_F(ServiceHealth, SaysWhatFailedLastWhenTimeIsOver) {
  const int port = free_port();
  EXPECT_THAT(check(service({port})), AllOf(StartsWith("timeout: "), HasSubstr("refused"),
                                            HasSubstr(std::to_string(port))));
  EXPECT_GE(elapsed_, 1s);
  EXPECT_LT(elapsed_, 3s);
}

TEST_F(ServiceHealth, ChecksServicesSideBySide) {
  const int port = free_port();
  const FakeEngine peer{{plain_endpoint(port)}};
  const auto closed = service({free_port()});
  auto nowhere = service({80});
  nowhere.addresses.clear();
  const auto errors = check_all({closed, service({port}), closed, service({}), nowhere});
  EXPECT_THAT(errors, ElementsAre(StartsWith("timeout: "), "", StartsWith("timeout: "),
                                  "no exposed ports", "no address"));
  EXPECT_LT(elapsed_, 1900ms);
}

TEST_F(ServiceHealth, AsksAnEngineOverTls) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "good")}};
  EXPECT_EQ(check(dind(port, certs("good")), 10), "");
}

TEST_F(ServiceHealth, AcceptsACertificateForLocalhost) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "local")}};
  EXPECT_EQ(check(dind(port, certs("good")), 10), "");
}

TEST_F(ServiceHealth, RefusesACertificateForAnotherName) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "strange")}};
  EXPECT_THAT(check(dind(port, certs("good"))),
              AllOf(StartsWith("timeout: "), HasSubstr("ertificate")));
}

TEST_F(ServiceHealth, RefusesACertificateOfAnotherAuthority) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "other")}};
  EXPECT_THAT(check(dind(port, certs("good"))),
              AllOf(StartsWith("timeout: "), HasSubstr("ertificate")));
}

TEST_F(ServiceHealth, AnEngineThatRefusesTheClientIsNotReady) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "good", "other")}};
  EXPECT_THAT(check(dind(port, certs("good"))), StartsWith("timeout: "));
}

TEST_F(ServiceHealth, WaitsForCertificatesThatComeLateAndInPieces) {
  const int port = free_port();
  const FakeEngine engine{{tls_endpoint(port, "good")}};
  const auto late = directory() / "late";
  std::thread writer{[late] {
    std::this_thread::sleep_for(150ms);
    for (const auto* name : {"ca.pem", "cert.pem"})
      write_file(late / name, read_file(directory() / "good" / name));
    const auto key = read_file(directory() / "good" / "key.pem");
    write_file(late / "key.pem", key.substr(0, key.size() / 2));
    std::this_thread::sleep_for(200ms);
    write_file(late / "key.pem", key);
  }};
  const auto error = check(dind(port, late.string()), 10);
  writer.join();
  EXPECT_EQ(error, "");
  EXPECT_GE(elapsed_, 300ms);
}

TEST_F(ServiceHealth, NamesTheMissingCertificate) {
  const auto missing = (directory() / "nowhere").string();
  EXPECT_EQ(check(dind(free_port(), missing)),
            "timeout: " + missing + "/ca.pem: missing, empty or not readable");
}

TEST_F(ServiceHealth, AsksAnEngineOnPlainTcp) {
  const int port = free_port();
  const FakeEngine engine{{plain_endpoint(port), 200ms}};
  EXPECT_EQ(check(dind(port), 10), "");
}

TEST_F(ServiceHealth, AnEngineMustAnswerNotOnlyAccept) {
  const int port = free_port();
  const FakeEngine engine{{plain_endpoint(port), 0ms, 503, "starting"}};
  EXPECT_THAT(check(dind(port)), HasSubstr("status 503"));
  const int talking = free_port();
  const FakeEngine other{{plain_endpoint(talking), 0ms, 200, "<html>"}};
  EXPECT_THAT(check(dind(talking)), StartsWith("timeout: "));
}

TEST_F(ServiceHealth, AsksAnEngineOnItsUnixSocket) {
  auto wanted = dind(1);
  wanted.unix_socket = (directory() / "engine.sock").string();
  EXPECT_THAT(check(wanted), AllOf(StartsWith("timeout: "), HasSubstr("engine.sock")));
  const FakeEngine engine{{{net::Endpoint::Scheme::unix_socket, wanted.unix_socket, 0, {}}, 200ms}};
  EXPECT_EQ(check(wanted, 10), "");
}

TEST_F(ServiceHealth, TheStagePrintsOneLineOfJson) {
  job::ServiceHealthParameters parameters;
  parameters.services = {service({})};
  const auto result = run_stage("service_health", parameters, directory());
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "{\"errors\":[\"no exposed ports\"]}\n");
  EXPECT_EQ(result.err, "");
}

TEST(ServiceCandidates, FollowTheService) {
  struct Case {
    const char* what;
    bool dind;
    bool tls;
    std::vector<int> ports;
    std::vector<std::pair<int, Question>> want;
  };
  const Case cases[] = {
      {"plain service",
       false,
       false,
       {80, 443},
       {{80, Question::connect}, {443, Question::connect}}},
      {"engine, either port",
       true,
       true,
       {2375, 2376},
       {{2375, Question::ping}, {2376, Question::tls_ping}}},
      {"engine without TLS", true, false, {2375}, {{2375, Question::ping}}},
      {"engine whose image exposes nothing", true, true, {}, {{2376, Question::tls_ping}}},
      {"same without TLS", true, false, {}, {{2375, Question::ping}}},
      {"impossible ports", false, false, {0, -1, 65536, 70000}, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    job::ServiceCheck service;
    service.addresses = {"10.0.0.2", "not-an-address"};
    service.dind = c.dind;
    service.dind_tls = c.tls;
    service.ports = c.ports;
    std::vector<std::pair<int, Question>> got;
    for (const auto& candidate : candidates_of(service)) {
      EXPECT_EQ(candidate.endpoint.host, "10.0.0.2");
      got.emplace_back(candidate.endpoint.port, candidate.question);
    }
    EXPECT_EQ(got, c.want);
  }
}

TEST(ServiceCandidates, AreBounded) {
  job::ServiceCheck service;
  service.addresses = {"10.0.0.2", "fd00::2"};
  for (int port = 1; port <= 65535; ++port) service.ports.push_back(port);
  EXPECT_EQ(candidates_of(service).size(), 64u);
}

}  // namespace
}  // namespace slipway::helper
