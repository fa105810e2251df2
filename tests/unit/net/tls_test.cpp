#include <gmock/gmock.h>

#include "net/client.hpp"
#include "net/server.hpp"
#include "peers.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::CertificateAuthority;
using tests::run_test;

asio::awaitable<void> answer(Exchange& exchange) {
  auto body = co_await exchange.read_body(64u << 20);
  Response response;
  response.status = 200;
  response.body = std::move(body);
  co_await exchange.respond(std::move(response));
}

Request post(std::string body) {
  return {"POST", "/", {}, std::move(body)};
}

asio::awaitable<void> send_ignored(HttpClient& client, Request request, Limits limits = {}) {
  co_await client.send(std::move(request), limits);
}

TlsOptions identity(const tests::Identity& made, std::string ca = "") {
  TlsOptions options;
  options.certificate = made.certificate;
  options.key = made.key;
  options.ca = std::move(ca);
  return options;
}

TlsOptions trusting(const std::string& ca) {
  TlsOptions options;
  options.ca = ca;
  options.system_roots = false;
  return options;
}

/// Runs `test(client)` against a server with `server_options`.
template <class Test>
void with_tls(TlsOptions server_options, TlsOptions client_options, Test test) {
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    HttpServer server{executor, answer};
    Endpoint endpoint{Endpoint::Scheme::https, "127.0.0.1", 0, server_options};
    endpoint.port = server.listen(endpoint);
    endpoint.tls = client_options;
    HttpClient client{executor, endpoint};
    auto body = test(client);
    auto work = beside(server.run(), std::move(body));
    co_await std::move(work);
  });
}

TEST(Tls, CarriesRequestsAndKeepsItsConnection) {
  const CertificateAuthority ca;
  with_tls(identity(ca.issue()), trusting(ca.certificate()),
           [](HttpClient& client) -> asio::awaitable<void> {
             const std::string large(3u << 20, 'x');
             EXPECT_EQ((co_await client.send(post("hello"))).body, "hello");
             EXPECT_EQ((co_await client.send(post(large))).body, large);
             EXPECT_EQ((co_await client.send(post("again"))).body, "again");
             EXPECT_EQ(client.connections_opened(), 1u);
             client.close_idle();
             EXPECT_EQ((co_await client.send(post("anew"))).body, "anew");
             EXPECT_EQ(client.connections_opened(), 2u);
           });
}

asio::awaitable<void> refuse(Exchange& exchange) {
  Response response;
  response.status = 413;
  response.body = "too large";
  co_await exchange.respond(std::move(response));
}

TEST(Tls, Edge47AnEarlyRefusalOfAnUploadIsSeen) {
  const CertificateAuthority ca;
  const auto server_options = identity(ca.issue());
  for (const bool sized : {true, false}) {
    run_test([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      HttpServer server{executor, refuse};
      Endpoint endpoint{Endpoint::Scheme::https, "127.0.0.1", 0, server_options};
      endpoint.port = server.listen(endpoint);
      endpoint.tls = trusting(ca.certificate());
      HttpClient client{executor, endpoint};
      const auto upload = [](HttpClient& http, bool known) -> asio::awaitable<void> {
        TextSource source{std::string(32u << 20, 'x'), 1u << 20, known};
        Request request{"POST", "/", {}, ""};
        const auto stream = co_await http.open(std::move(request), {}, &source);
        EXPECT_EQ(stream->head().status, 413);
        EXPECT_EQ(co_await read_all(*stream), "too large");
      };
      auto body = upload(client, sized);
      auto work = beside(server.run(), std::move(body));
      co_await std::move(work);
    });
  }
}

TEST(Tls, TellsByWhichCertificatesItBelieved) {
  const CertificateAuthority ca;
  const auto made = ca.issue();
  with_tls(identity(made), trusting(ca.certificate()),
           [&](HttpClient& client) -> asio::awaitable<void> {
             EXPECT_EQ(client.server_chain(), "");
             co_await client.send(post("hello"));
             EXPECT_EQ(client.server_chain(), made.certificate + ca.certificate());
           });
}

struct RefusedCase {
  const char* what;
  TlsOptions server;
  TlsOptions client;
  const char* want;
};

TEST(Tls, RefusesWhatItCannotTrust) {
  const CertificateAuthority ca;
  const CertificateAuthority other;
  const tests::CertificateOptions expired{.valid_from = -7200s, .valid_to = -3600s};
  const tests::CertificateOptions future{.valid_from = 3600s, .valid_to = 7200s};
  const tests::CertificateOptions elsewhere{.names = {"DNS:elsewhere", "IP:127.0.0.2"}};
  const tests::CertificateOptions nameless{.names = {}};
  const tests::CertificateOptions for_client{.for_client = true};
  auto wrong_name = trusting(ca.certificate());
  wrong_name.name = "docker";
  const RefusedCase cases[] = {
      {"unknown authority", identity(ca.issue()), trusting(other.certificate()),
       "unable to get local issuer certificate"},
      {"system roots only", identity(ca.issue()), {}, "unable to get local issuer certificate"},
      {"expired", identity(ca.issue(expired)), trusting(ca.certificate()),
       "certificate has expired"},
      {"not yet valid", identity(ca.issue(future)), trusting(ca.certificate()),
       "certificate is not yet valid"},
      {"wrong address", identity(ca.issue(elsewhere)), trusting(ca.certificate()),
       "IP address mismatch"},
      {"no name", identity(ca.issue(nameless)), trusting(ca.certificate()), "IP address mismatch"},
      {"wrong name", identity(ca.issue()), wrong_name, "hostname mismatch"},
      {"not a server's", identity(ca.issue(for_client)), trusting(ca.certificate()),
       "unsuitable certificate purpose"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    with_tls(c.server, c.client, [&](HttpClient& client) -> asio::awaitable<void> {
      const auto failure = co_await failure_of(send_ignored(client, post("x")));
      EXPECT_THAT(failure, testing::StartsWith("tls: TLS with 127.0.0.1:"));
      EXPECT_THAT(failure, HasSubstr("certificate refused: "));
      EXPECT_THAT(failure, HasSubstr(c.want));
    });
  }
}

TEST(Tls, ChecksTheNameItIsTold) {
  const CertificateAuthority ca;
  const tests::CertificateOptions docker{.names = {"DNS:docker", "DNS:*.example.com"}};
  for (const char* name : {"docker", "a.example.com"}) {
    auto client_options = trusting(ca.certificate());
    client_options.name = name;
    with_tls(identity(ca.issue(docker)), client_options,
             [](HttpClient& client) -> asio::awaitable<void> {
               EXPECT_EQ((co_await client.send(post("hello"))).body, "hello");
             });
  }
}

TEST(Tls, ClientCertificatesCanBeObligatory) {
  const CertificateAuthority ca;
  const CertificateAuthority other;
  const auto server = identity(ca.issue(), ca.certificate());
  const tests::CertificateOptions for_client{.for_client = true};
  auto known = identity(ca.issue(for_client), ca.certificate());
  with_tls(server, known, [](HttpClient& client) -> asio::awaitable<void> {
    EXPECT_EQ((co_await client.send(post("hello"))).body, "hello");
  });
  auto unknown = identity(other.issue(for_client), ca.certificate());
  for (const auto& refused : {trusting(ca.certificate()), unknown})
    with_tls(server, refused, [](HttpClient& client) -> asio::awaitable<void> {
      EXPECT_NE(co_await failure_of(send_ignored(client, post("x"))), "");
    });
}

TEST(Tls, SaysWhichPemTextIsBad) {
  const CertificateAuthority ca;
  const auto good = ca.issue();
  const auto other = ca.issue();
  auto bad_ca = trusting("not PEM");
  TlsOptions bad_certificate = identity({"not PEM", good.key});
  TlsOptions bad_key = identity({good.certificate, "s3cret"});
  TlsOptions mismatch = identity({good.certificate, other.key});
  const std::pair<TlsOptions, const char*> cases[] = {
      {bad_ca, "TLS: the CA certificates cannot be used"},
      {bad_certificate, "TLS: the certificate cannot be used"},
      {bad_key, "TLS: the key cannot be used"},
      {mismatch, "TLS: the key "},
  };
  for (const auto& [options, want] : cases) {
    with_tls(identity(good), options, [&](HttpClient& client) -> asio::awaitable<void> {
      const auto failure = co_await failure_of(send_ignored(client, post("x")));
      EXPECT_THAT(failure, HasSubstr(want));
      EXPECT_THAT(failure, testing::Not(HasSubstr("s3cret")));
    });
  }
}

TEST(Tls, HandshakeIsLimitedAndCancelled) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<ScriptedPeer::Script> scripts{{wait(5s)}, {wait(5s)}, {say("HTTP/1.1 200 OK\r\n")}};
    ScriptedPeer peer{executor, std::move(scripts)};
    auto endpoint = peer.endpoint();
    endpoint.scheme = Endpoint::Scheme::https;
    HttpClient client{executor, endpoint};
    const auto body = [](HttpClient& tls) -> asio::awaitable<void> {
      const Limits limits{.handshake = 30ms};
      EXPECT_THAT(co_await failure_of(send_ignored(tls, post(""), limits)),
                  HasSubstr("no handshake within 0.03 s"));
      EXPECT_EQ(co_await cancelled(send_ignored(tls, post(""))), "aborted");
      EXPECT_THAT(co_await failure_of(send_ignored(tls, post(""))), testing::StartsWith("tls: "));
    };
    auto test = body(client);
    auto work = beside(peer.run(), std::move(test));
    co_await std::move(work);
  });
}

TEST(Tls, ServesManyAtOnce) {
  const CertificateAuthority ca;
  with_tls(identity(ca.issue()), trusting(ca.certificate()),
           [](HttpClient& client) -> asio::awaitable<void> {
             util::TaskGroup tasks{co_await asio::this_coro::executor};
             for (int i = 0; i < 40; ++i) tasks.start(send_ignored(client, post("hello")));
             co_await tasks.join();
             EXPECT_EQ(client.exchanges(), 40u);
           });
}

TEST(Tls, PlainTextForATlsServerIsRefused) {
  const CertificateAuthority ca;
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    HttpServer server{executor, answer};
    Endpoint endpoint{Endpoint::Scheme::https, "127.0.0.1", 0, identity(ca.issue())};
    const auto port = server.listen(endpoint);
    HttpClient client{executor, loopback(port)};
    auto test = ignore(failure_of(send_ignored(client, post("x"))));
    auto work = beside(server.run(), std::move(test));
    co_await std::move(work);
  });
}

}  // namespace
}  // namespace slipway::net
