// E49: an Engine on a TCP port with TLS, which knows its clients by their certificates.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "executors/docker/engine.hpp"
#include "job/failure.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/run_test.hpp"
#include "tests/integration/fault_jobs.hpp"

namespace slipway::tests {
namespace {

using local::JobBuilder;
using local::JobState;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;
using SharedEngine = executors::docker::Engine;

class EngineTls : public PrivateJobs {
 protected:
  void SetUp() override {
    PrivateJobs::SetUp();
    // The other end of the link to the Engine's network.
    const auto dot = engine().gateway().rfind('.');
    const auto last = std::stoi(engine().gateway().substr(dot + 1));
    address_ = fmt::format("{}.{}", engine().gateway().substr(0, dot), last + 1);
    CertificateOptions server;
    server.names = {"IP:" + address_};
    CertificateOptions client;
    client.for_client = true;
    write("server", ours_, ours_.issue(server));
    write("client", ours_, ours_.issue(client));
    write("stranger", ours_, theirs_.issue(client));
    write("other-ca", theirs_, ours_.issue(client));
    const auto files = (scratch() / "server").string();
    PrivateEngine::Options options;
    options.more = {"--host",
                    "tcp://" + address_ + ":2376",
                    "--tlsverify",
                    "--tlscacert=" + files + "/ca.pem",
                    "--tlscert=" + files + "/cert.pem",
                    "--tlskey=" + files + "/key.pem"};
    restart_with(options);
  }

  void write(const std::string& name, const CertificateAuthority& authority,
             const Identity& identity) {
    const auto directory = scratch() / name;
    std::filesystem::create_directories(directory);
    std::ofstream{directory / "ca.pem"} << authority.certificate();
    std::ofstream{directory / "cert.pem"} << identity.certificate;
    std::ofstream{directory / "key.pem"} << identity.key;
  }
  std::string certificates(const std::string& name) const { return (scratch() / name).string(); }
  std::string tcp_host() const { return "tcp://" + address_ + ":2376"; }

  SharedEngine::Settings settings(const std::string& name) const {
    SharedEngine::Settings settings;
    settings.host = tcp_host();
    settings.tls_verify = true;
    if (!name.empty()) settings.tls_cert_path = certificates(name);
    return settings;
  }

  /// The version that was agreed on, or why there is no connection.
  static std::string connect(SharedEngine::Settings settings) {
    std::string result;
    const char* bin = std::getenv("SLIPWAY_BIN_DIR");
    settings.helper_binary = std::string{bin == nullptr ? "." : bin} + "/slipway-helper";
    const auto body = [&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      SharedEngine shared{executor, settings};
      try {
        co_await shared.connect();
        result = shared.client().api_version();
      } catch (const job::Failure& failure) {
        result = failure.what();
      }
    };
    run_test(body, 60s);
    return result;
  }

 private:
  CertificateAuthority ours_;
  CertificateAuthority theirs_;
  std::string address_;
};

TEST_F(EngineTls, E49_JobsRunAndOnlyTheRightCertificatesConnect) {
  const auto version = connect(settings("client"));
  EXPECT_THAT(version, testing::MatchesRegex("1\\.[0-9]+"));
  // An authority that did not issue the Engine's certificate; none but the system's; a client that
  // the Engine does not know.
  EXPECT_THAT(connect(settings("other-ca")),
              AllOf(HasSubstr("creating docker connection: "), HasSubstr("certificate")));
  EXPECT_THAT(connect(settings("")), HasSubstr("certificate"));
  EXPECT_THAT(connect(settings("stranger")), HasSubstr("creating docker connection: "));
  auto plain = settings("client");
  plain.tls_verify = false;
  EXPECT_THAT(connect(plain), HasSubstr("creating docker connection: "));

  // All three from the environment, with a version that is pinned there; what the settings say of
  // TLS does not count then.
  const std::string before = std::getenv("DOCKER_HOST");
  ::setenv("DOCKER_HOST", tcp_host().c_str(), 1);
  ::setenv("DOCKER_TLS_VERIFY", "1", 1);
  ::setenv("DOCKER_CERT_PATH", certificates("client").c_str(), 1);
  ::setenv("DOCKER_API_VERSION", "1.40", 1);
  SharedEngine::Settings ignored;
  ignored.tls_cert_path = certificates("other-ca");
  EXPECT_EQ(connect(ignored), "1.40");
  for (const char* name : {"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"})
    ::unsetenv(name);
  ::setenv("DOCKER_HOST", before.c_str(), 1);

  docker().host = tcp_host();
  docker().tls_verify = true;
  docker().tls_cert_path = certificates("client");
  const auto& record =
      run_job(JobBuilder{}.image(image).script({"echo over a port with TLS"}), 90s);
  EXPECT_EQ(record.state, JobState::success) << plain_text(record.trace);
  EXPECT_THAT(plain_text(record.trace), HasSubstr("over a port with TLS\n"));
  let_jobs_settle();
}

}  // namespace
}  // namespace slipway::tests
