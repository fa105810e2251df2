#include "net/proxy.hpp"

#include <gmock/gmock.h>

#include <map>

#include "net/client.hpp"
#include "net/server.hpp"
#include "peers.hpp"
#include "tests/fakes/certificates.hpp"
#include "tests/fakes/relay_proxy.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using tests::run_test;

using Variables = std::map<std::string, std::string>;

ProxySettings settings(const Variables& variables) {
  return ProxySettings{[&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  }};
}

/// `host:port` of the proxy for `url`, "" for none.
std::string proxy_of(const Variables& variables, const char* url) {
  const auto proxy = settings(variables).proxy_for(parse_url(url).value());
  return proxy ? proxy->display() : "";
}

TEST(ProxySettings, TakeTheVariableOfTheScheme) {
  const Variables both{{"HTTP_PROXY", "http://one:3128"}, {"HTTPS_PROXY", "two:3129/"}};
  EXPECT_EQ(proxy_of(both, "http://git.example.org/"), "one:3128");
  EXPECT_EQ(proxy_of(both, "https://git.example.org/"), "two:3129");
  const Variables lower{{"http_proxy", "one"}, {"https_proxy", "HTTP://[fd00::1]:8080"}};
  EXPECT_EQ(proxy_of(lower, "http://git.example.org/"), "one:80");
  EXPECT_EQ(proxy_of(lower, "https://git.example.org/"), "[fd00::1]:8080");
  EXPECT_EQ(proxy_of({{"HTTP_PROXY", "up"}, {"http_proxy", "low"}}, "http://a/"), "up:80");
  EXPECT_EQ(proxy_of({{"HTTP_PROXY", ""}, {"http_proxy", " low "}}, "http://a/"), "low:80");
  EXPECT_EQ(proxy_of({{"HTTP_PROXY", "one"}}, "https://git.example.org/"), "");
  EXPECT_EQ(proxy_of({}, "http://git.example.org/"), "");
}

TEST(ProxySettings, ThisHostIsNeverProxied) {
  const Variables variables{{"HTTP_PROXY", "proxy:1"}, {"HTTPS_PROXY", "proxy:1"}};
  for (const auto* url : {"http://localhost/", "https://LocalHost:8443/", "http://127.0.0.1:8929/",
                          "http://127.8.9.10/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"})
    EXPECT_EQ(proxy_of(variables, url), "") << url;
  EXPECT_EQ(proxy_of(variables, "http://localhost.example.org/"), "proxy:1");
}

struct ExceptionCase {
  const char* no_proxy;
  const char* url;
  bool straight;
};

TEST(ProxySettings, ExceptionsByNameAddressRangeAndPort) {
  const ExceptionCase cases[] = {
      {"*", "http://git.example.org/", true},
      {"other.org, *", "http://git.example.org/", true},
      {"example.org", "http://example.org/", true},
      {"example.org", "http://git.example.org/", true},
      {"EXAMPLE.org", "http://git.Example.ORG/", true},
      {"example.org", "http://git.example.org./", true},
      {"example.org", "http://myexample.org/", false},
      {".example.org", "http://git.example.org/", true},
      {".example.org", "http://example.org/", false},
      {"*.example.org", "http://git.example.org/", true},
      {"*.example.org", "http://example.org/", false},
      {" a , ,git.example.org ,", "http://git.example.org/", true},
      {"example.org:8080", "http://git.example.org:8080/", true},
      {"example.org:8080", "http://git.example.org/", false},
      {"example.org:80", "http://git.example.org/", true},
      {"example.org:443", "https://git.example.org/", true},
      {"192.168.1.7", "http://192.168.1.7/", true},
      {"192.168.1.7", "http://192.168.1.70/", false},
      {"192.168.1.7:8929", "http://192.168.1.7:8929/", true},
      {"192.168.1.7:8929", "http://192.168.1.7/", false},
      {"192.168.0.0/16", "http://192.168.200.1/", true},
      {"192.168.0.0/16", "http://192.169.0.1/", false},
      {"10.1.2.3/8", "http://10.9.9.9/", true},
      {"0.0.0.0/0", "http://8.8.8.8/", true},
      {"10.0.0.0/33", "http://10.9.9.9/", false},
      {"10.0.0.0/8", "http://git.example.org/", false},
      {"fd00::/8", "http://[fd12::9]/", true},
      {"fd00::/8", "http://[fe80::9]/", false},
      {"fd00::/8", "http://10.9.9.9/", false},
      {"fd00::1", "http://[fd00:0::1]/", true},
      {"[fd00::1]:8080", "http://[fd00::1]:8080/", true},
      {"[fd00::1]", "http://[fd00::1]/", true},
      {"example", "http://example.org/", false},
      {"org", "http://git.example.org/", true},
      {"", "http://git.example.org/", false},
      {",:,/,[,]", "http://git.example.org/", false},
  };
  for (const auto& c : cases) {
    const Variables upper{{"HTTP_PROXY", "p:1"}, {"HTTPS_PROXY", "p:1"}, {"NO_PROXY", c.no_proxy}};
    const Variables lower{{"http_proxy", "p:1"}, {"https_proxy", "p:1"}, {"no_proxy", c.no_proxy}};
    const auto* want = c.straight ? "" : "p:1";
    EXPECT_EQ(proxy_of(upper, c.url), want) << c.no_proxy << " and " << c.url;
    EXPECT_EQ(proxy_of(lower, c.url), want) << c.no_proxy << " and " << c.url;
  }
}

TEST(ProxySettings, CredentialsGoIntoTheHeaderOnly) {
  const auto authorization = [](const char* proxy) {
    return proxy_authorization(
        settings({{"HTTP_PROXY", proxy}}).proxy_for(parse_url("http://a/").value()).value());
  };
  EXPECT_EQ(authorization("http://proxy:3128"), "");
  EXPECT_EQ(authorization("http://Aladdin:open%20sesame@proxy:3128"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(authorization("me:p%40ss%0d%0a@proxy"), "Basic bWU6cEBzcw0K");
  EXPECT_EQ(authorization("me@proxy"), "Basic bWU6");
  EXPECT_EQ(proxy_of({{"HTTP_PROXY", "me:secret@proxy:1"}}, "http://a/"), "proxy:1");
}

TEST(ProxySettings, OnesThatCannotBeUsedAreRefused) {
  for (const auto* proxy : {"https://me:secret@proxy:1", "socks5://me:secret@proxy:1",
                            "http://me:secret@", "http://me:secret@proxy:port", "http://"}) {
    try {
      proxy_of({{"HTTPS_PROXY", proxy}}, "https://git.example.org/");
      ADD_FAILURE() << proxy;
    } catch (const Error& error) {
      EXPECT_EQ(error.step(), Step::connect);
      EXPECT_THAT(error.what(), HasSubstr("HTTPS_PROXY"));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("secret")));
    }
  }
}

asio::awaitable<void> send_ignored(HttpClient& client, Request request, Limits limits = {}) {
  co_await client.send(std::move(request), limits);
}

TEST(Proxy, PlainHttpIsAskedOfItByAbsoluteTargets) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const std::string no =
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    std::vector<ScriptedPeer::Script> scripts{{read_head(), say(ok), read_head(), say(no), hold()}};
    ScriptedPeer peer{executor, std::move(scripts)};
    Endpoint endpoint{Endpoint::Scheme::http, "git.example.org", 8080, {}};
    endpoint.proxy = Proxy{"127.0.0.1", peer.endpoint().port, "me:secret"};
    HttpClient client{executor, endpoint};
    const auto test = [](HttpClient& http, ScriptedPeer& proxy) -> asio::awaitable<void> {
      Request first{"GET", "/a?b=c", {}, ""};
      EXPECT_EQ((co_await http.send(std::move(first))).body, "ok");
      Request second{"GET", "/", {}, ""};
      EXPECT_EQ((co_await http.send(std::move(second))).status, 407);
      EXPECT_EQ(http.connections_opened(), 1u);
      EXPECT_THAT(proxy.heads().at(0),
                  StartsWith("GET http://git.example.org:8080/a?b=c HTTP/1.1\r\n"
                             "Host: git.example.org:8080\r\n"
                             "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    };
    auto body = test(client, peer);
    auto both = beside(peer.run(), std::move(body));
    co_await std::move(both);
  });
}

asio::awaitable<void> echo(Exchange& exchange) {
  Response response;
  response.status = 200;
  response.body = co_await exchange.read_body(64u << 20);
  EXPECT_FALSE(exchange.request().headers.find("Proxy-Authorization")) << "not for the server";
  co_await exchange.respond(std::move(response));
}

/// Runs `test(client, proxy)`: the client of `https://git.example.org` behind a proxy that leads to
/// a TLS server with a certificate for that name.
template <class Test>
void with_tunnel(const char* answer, Test test) {
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const tests::CertificateAuthority ca;
    const auto identity = ca.issue({.names = {"DNS:git.example.org"}});
    HttpServer server{executor, echo};
    Endpoint listener{Endpoint::Scheme::https, "127.0.0.1", 0, {}};
    listener.tls.certificate = identity.certificate;
    listener.tls.key = identity.key;
    const auto port = server.listen(listener);
    tests::RelayProxy proxy{executor, port, answer};
    Endpoint endpoint{Endpoint::Scheme::https, "git.example.org", 443, {}};
    endpoint.tls.ca = ca.certificate();
    endpoint.proxy = Proxy{"127.0.0.1", proxy.port(), "me:secret"};
    HttpClient client{executor, endpoint};
    auto body = test(client, proxy);
    auto serving = util::first_of(server.run(), proxy.run());
    auto peers = ignore(std::move(serving));
    auto both = beside(std::move(peers), std::move(body));
    co_await std::move(both);
  });
}

TEST(Proxy, HttpsIsTunnelledAndCheckedEndToEnd) {
  with_tunnel("HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n",
              [](HttpClient& client, tests::RelayProxy& proxy) -> asio::awaitable<void> {
                const std::string large(3u << 20, 'x');
                Request first{"POST", "/a", {}, large};
                EXPECT_EQ((co_await client.send(std::move(first))).body, large);
                Request second{"POST", "/b", {}, "again"};
                EXPECT_EQ((co_await client.send(std::move(second))).body, "again");
                EXPECT_EQ(client.connections_opened(), 1u);
                EXPECT_EQ(proxy.heads().size(), 1u);
                EXPECT_EQ(proxy.heads().at(0),
                          "CONNECT git.example.org:443 HTTP/1.1\r\nHost: git.example.org:443\r\n"
                          "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
              });
}

TEST(Proxy, ARefusedTunnelSaysWhoRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n", "answered 407 Proxy Authentication Required"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 x\r\n\r\n", "answered 403 Forbidden"},
      {"HTTP/1.1 502 x\r\n\r\n<html>", "answered 502 Bad Gateway"},
      {"HTTP/1.1 200 x\r\n\r\nsurprise", "sent data before it was asked"},
      {"SSH-2.0-x\r\n\r\n", "it does not answer in HTTP"},
  };
  for (const auto& [answer, want] : cases) {
    with_tunnel(answer, [&](HttpClient& client, tests::RelayProxy&) -> asio::awaitable<void> {
      Request request{"GET", "/", {}, ""};
      const auto failure = co_await failure_of(send_ignored(client, std::move(request)));
      EXPECT_THAT(failure, HasSubstr(want));
      EXPECT_THAT(failure, HasSubstr("proxy 127.0.0.1:"));
      EXPECT_THAT(failure, testing::Not(HasSubstr("secret")));
    });
  }
}

TEST(Proxy, IsWaitedForAndNamedWhenItIsNotThere) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<ScriptedPeer::Script> scripts{{read_head(), hold()}, {read_head(), close()}};
    ScriptedPeer peer{executor, std::move(scripts)};
    Endpoint endpoint{Endpoint::Scheme::https, "git.example.org", 443, {}};
    endpoint.proxy = Proxy{"127.0.0.1", peer.endpoint().port, ""};
    const auto test = [](Endpoint behind) -> asio::awaitable<void> {
      HttpClient client{co_await asio::this_coro::executor, behind};
      const Limits quick{.connect = 60ms};
      Request request{"GET", "/", {}, ""};
      auto silent = send_ignored(client, request, quick);
      EXPECT_THAT(co_await failure_of(std::move(silent)), HasSubstr("no tunnel within"));
      auto closed = send_ignored(client, request);
      EXPECT_THAT(co_await failure_of(std::move(closed)), HasSubstr("closed without an answer"));
      asio::ip::tcp::acceptor taken{co_await asio::this_coro::executor,
                                    {asio::ip::make_address("127.0.0.1"), 0}};
      behind.proxy->port = taken.local_endpoint().port();
      taken.close();
      HttpClient nowhere{co_await asio::this_coro::executor, behind};
      auto refused = send_ignored(nowhere, request);
      EXPECT_THAT(co_await failure_of(std::move(refused)),
                  StartsWith("connect: connect to proxy 127.0.0.1:"));
    };
    auto body = test(endpoint);
    auto both = beside(peer.run(), std::move(body));
    co_await std::move(both);
  });
}

}  // namespace
}  // namespace slipway::net
