// Real TLS servers that a runner must, or must not, talk to.

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fake_coordinator.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::gitlab_api {
namespace {

using namespace std::chrono_literals;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::Reply;
using tests::CertificateAuthority;
using tests::CertificateOptions;
using tests::Identity;
using Task = asio::awaitable<void>;
using Kind = JobRequestResult::Kind;

/// A directory of files for one test.
class Files {
 public:
  Files() {
    std::string name = ::testing::TempDir() + "slipway-tls-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  Files(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return path_ / name; }
  /// Replaced in one step, as tools do that rotate certificates.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream{path(name + ".new")} << text;
    std::filesystem::rename(path(name + ".new"), path(name));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

net::TlsOptions server_tls(const Identity& identity, std::string client_ca = "") {
  net::TlsOptions tls;
  tls.certificate = identity.certificate;
  tls.key = identity.key;
  tls.ca = std::move(client_ca);
  return tls;
}

/// Runs `test(fake)` beside a server with `tls`.
Task with_server(net::TlsOptions tls, std::function<Task(FakeCoordinator&)> test,
                 std::uint16_t port = 0) {
  FakeCoordinator fake{co_await asio::this_coro::executor, std::move(tls), port};
  auto serving = fake.serve();
  auto testing = test(fake);
  const auto first = co_await util::first_of(std::move(serving), std::move(testing));
  EXPECT_EQ(first, 1u) << "the server ended before the test";
}

struct RefusedCase {
  const char* what;
  CertificateOptions certificate;
  const char* want;
};

TEST(CoordinatorTls, Edge8ServersThatAreNotBelievedGetNoRequest) {
  const CertificateAuthority ca;
  const Files files;
  const auto ca_file = files.write("ca.pem", ca.certificate());
  const RefusedCase cases[] = {
      {"expired", {.valid_from = -7200s, .valid_to = -60s}, "certificate has expired"},
      {"not yet", {.valid_from = 3600s, .valid_to = 7200s}, "certificate is not yet valid"},
      {"wrong name", {.names = {"DNS:git.example.org"}}, "IP address mismatch"},
      {"for clients", {.for_client = true}, "unsuitable certificate purpose"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    tests::run_test([&]() -> Task {
      const auto calls = [&](FakeCoordinator& fake) -> Task {
        auto options = fake.options();
        options.ca_file = ca_file;
        Client client{fake.executor(), options};
        const auto result = co_await client.request_job();
        EXPECT_EQ(result.kind, Kind::failed);
        EXPECT_TRUE(result.healthy()) << "nobody said that the runner is unwanted";
        EXPECT_THAT(result.call.text, HasSubstr(c.want));
        EXPECT_EQ(result.call.attempts, 1);
        EXPECT_TRUE(fake.seen.empty());
        EXPECT_EQ(client.ca_content(), ca.certificate());
      };
      auto work = with_server(server_tls(ca.issue(c.certificate)), calls);
      co_await std::move(work);
    });
  }
}

TEST(CoordinatorTls, CaFilesThatAreNoneLeaveTheSystemsRoots) {
  const CertificateAuthority ca;
  const Files files;
  // Not there, not PEM, a directory: none opens the door.
  for (const auto& ca_file :
       {files.path("missing.pem"), files.write("no.pem", "hello"), files.path(""), std::string{}}) {
    SCOPED_TRACE(ca_file);
    tests::run_test([&]() -> Task {
      const auto calls = [&](FakeCoordinator& fake) -> Task {
        auto options = fake.options();
        options.ca_file = ca_file;
        Client client{fake.executor(), options};
        const auto result = co_await client.request_job();
        EXPECT_EQ(result.kind, Kind::failed);
        EXPECT_THAT(result.call.text, HasSubstr("unable to get local issuer certificate"));
        EXPECT_EQ(client.ca_content(), "");
      };
      auto work = with_server(server_tls(ca.issue()), calls);
      co_await std::move(work);
    });
  }
}

TEST(CoordinatorTls, WithoutACaFileTheJobGetsWhatTheServerWasBelievedBy) {
  const CertificateAuthority ca;
  const Files files;
  const auto identity = ca.issue();
  // As if the system knew it.
  const auto bundle = files.write("system.pem", ca.certificate());
  ::setenv("SSL_CERT_FILE", bundle.c_str(), 1);
  tests::run_test([&]() -> Task {
    const auto calls = [&](FakeCoordinator& fake) -> Task {
      fake.script({{204, {}, ""}});
      Client client{fake.executor(), fake.options()};
      EXPECT_EQ(client.ca_content(), "");
      const auto result = co_await client.request_job();
      EXPECT_EQ(result.kind, Kind::none) << result.call.text;
      EXPECT_EQ(client.ca_content(), identity.certificate + ca.certificate());
      EXPECT_EQ(client.key_content(), "");
    };
    auto work = with_server(server_tls(identity), calls);
    co_await std::move(work);
  });
  ::unsetenv("SSL_CERT_FILE");
}

Task request_into(Client& client, JobRequestResult& result) {
  result = co_await client.request_job();
}

/// Fault 8: the server gets a certificate of another authority while a long poll is held. That poll
/// ends as it began; the next request takes the new CA file and a new connection.
Task rotate_during_a_poll(const Files& files) {
  const CertificateAuthority old_ca, new_ca;
  const auto ca_file = files.write("ca.pem", old_ca.certificate());
  std::uint16_t port = 0;
  ClientOptions options;
  std::unique_ptr<Client> client;
  const auto before = [&](FakeCoordinator& fake) -> Task {
    port = fake.port();
    options = fake.options();
    options.clock = RetryClock::system();
    options.ca_file = ca_file;
    client = std::make_unique<Client>(fake.executor(), options);
    fake.script({{204, {{"X-GitLab-Last-Update", "v1"}}, "", Reply::How::hold, 300ms}});
    JobRequestResult held;
    auto poll = request_into(*client, held);
    const auto rotate = [](const Files& where, std::string text) -> Task {
      co_await util::sleep_for(100ms);
      where.write("ca.pem", text);
    };
    auto rotating = rotate(files, new_ca.certificate());
    co_await util::both(std::move(poll), std::move(rotating));
    EXPECT_EQ(held.kind, Kind::none) << held.call.text;
    // Still the old server: its certificate is not believed any more, nor is the kept connection.
    const auto refused = co_await client->request_job();
    EXPECT_EQ(refused.kind, Kind::failed);
    EXPECT_EQ(fake.seen.size(), 1u);
  };
  auto first = with_server(server_tls(old_ca.issue()), before);
  co_await std::move(first);
  const auto after = [&](FakeCoordinator& fake) -> Task {
    fake.script({{204, {}, ""}});
    const auto result = co_await client->request_job();
    EXPECT_EQ(result.kind, Kind::none) << result.call.text;
    EXPECT_THAT(fake.seen.at(0).body, HasSubstr(R"("last_update":"v1")"));
    EXPECT_EQ(client->ca_content(), new_ca.certificate());
  };
  auto second = with_server(server_tls(new_ca.issue()), after, port);
  co_await std::move(second);
}

TEST(CoordinatorTls, Fault08CertificatesRotateDuringALongPoll) {
  const Files files;
  tests::run_test([&] { return rotate_during_a_poll(files); });
}

Task rotate_client_certificate(const Files& files) {
  const CertificateAuthority ca, old_clients, new_clients;
  CertificateOptions for_client;
  for_client.for_client = true;
  const auto give = [&](const CertificateAuthority& authority) {
    const auto identity = authority.issue(for_client);
    files.write("client.crt", identity.certificate);
    files.write("client.key", identity.key);
    return identity;
  };
  const auto ca_file = files.write("ca.pem", ca.certificate());
  give(old_clients);
  const auto calls = [&](FakeCoordinator& fake) -> Task {
    auto options = fake.options();
    options.ca_file = ca_file;
    options.certificate_file = files.path("client.crt");
    options.key_file = files.path("client.key");
    Client client{fake.executor(), options};
    fake.script({{204, {}, ""}});
    auto result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::failed) << "of an authority that the server does not know";
    const auto identity = give(new_clients);
    result = co_await client.request_job();
    EXPECT_EQ(result.kind, Kind::none) << result.call.text;
    // What the job gets, for git and its artifacts.
    EXPECT_EQ(client.certificate_content(), identity.certificate);
    EXPECT_EQ(client.key_content(), identity.key);
    EXPECT_EQ(client.ca_content(), ca.certificate());
  };
  auto work = with_server(server_tls(ca.issue(), new_clients.certificate()), calls);
  co_await std::move(work);
}

TEST(CoordinatorTls, Edge8AReplacedClientCertificateIsUsedByTheNextRequest) {
  const Files files;
  tests::run_test([&] { return rotate_client_certificate(files); });
}

}  // namespace
}  // namespace slipway::gitlab_api
