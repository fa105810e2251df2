#include "runner/metrics_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>
#include <stdexcept>

#include "net/client.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/task_group.hpp"

namespace slipway::runner {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ListenAddress, IsReadAsDocumented) {
  const std::tuple<std::string, std::string, int> cases[] = {
      {":9252", "", 9252},
      {"127.0.0.1:80", "127.0.0.1", 80},
      {"localhost", "localhost", 9252},
      {"example.com:0", "example.com", 0},
      {"[::1]:9000", "::1", 9000},
      {"[::1]", "::1", 9252},
      {"0.0.0.0", "0.0.0.0", 9252},
  };
  for (const auto& [text, host, port] : cases) {
    const auto endpoint = parse_listen_address(text);
    EXPECT_EQ(endpoint.host, host) << text;
    EXPECT_EQ(endpoint.port, port) << text;
  }
}

TEST(ListenAddress, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"9252", "a port alone needs a colon"},
      {"::1", "must stand in brackets"},
      {"host:http", "\"http\" is not a port"},
      {"host:", "\"\" is not a port"},
      {"host:65536", "\"65536\" is not a port"},
      {"host:-1", "\"-1\" is not a port"},
      {"[::1", "not closed"},
      {"[::1]9252", "only a port may follow"},
      {"[]:1", "nothing in the brackets"},
      {"http://host:1", "must stand in brackets"},
      {"a b:1", "that is no host"},
      {"unix/path:1", "that is no host"},
  };
  for (const auto& [text, want] : cases) {
    std::string said;
    try {
      parse_listen_address(text);
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_THAT(said, StartsWith("listen_address \"" + text + "\": ")) << text;
    EXPECT_THAT(said, HasSubstr(want)) << text;
  }
}

asio::awaitable<net::Response> ask(MetricsServer& server, std::string method, std::string target) {
  net::Endpoint endpoint{net::Endpoint::Scheme::http, "127.0.0.1", server.port(), {}};
  net::HttpClient client{co_await asio::this_coro::executor, endpoint};
  net::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  net::Limits limits;
  co_return co_await client.send(std::move(request), limits);
}

struct PageCase {
  const char* method;
  const char* target;
  int status;
  const char* body;
};

TEST(MetricsServer, ServesItsPages) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    bool ready = false;
    int looks = 0;
    MetricsServer::Pages pages;
    pages.metrics = [&looks] { return "looks " + std::to_string(++looks) + "\n"; };
    pages.ready = [&ready] { return ready; };
    pages.process_state = [] { return std::string{"running"}; };
    MetricsServer server{executor, "127.0.0.1:0", std::move(pages)};
    EXPECT_EQ(server.address(), "127.0.0.1:" + std::to_string(server.port()));
    util::TaskGroup serving{executor};
    serving.start(server.run());
    const PageCase cases[] = {
        {"GET", "/metrics", 200, "looks 1\n"},
        {"GET", "/metrics?name=x", 200, "looks 2\n"},
        {"HEAD", "/metrics", 200, ""},
        {"POST", "/metrics", 405, "method not allowed\n"},
        {"DELETE", "/", 405, "method not allowed\n"},
        {"GET", "/metrics/", 404, "not found\n"},
        {"GET", "/", 404, "not found\n"},
        {"GET", "/healthz", 200, "ok\n"},
        {"GET", "/health/ready", 503, "boot-verify pending"},
        {"GET", "/readyz", 503, "shutting down\n"},
        {"GET", "/debug/process/state", 200, "running"},
        {"GET", "/debug/jobs/list", 404, "not found\n"},
        {"GET", "/debug/pprof/profile", 501, "there is no such profiler here\n"},
    };
    for (const auto& c : cases) {
      const auto answer = co_await ask(server, c.method, c.target);
      EXPECT_EQ(answer.status, c.status) << c.method << " " << c.target;
      EXPECT_EQ(answer.body, c.body) << c.method << " " << c.target;
    }
    ready = true;
    const auto answer = co_await ask(server, "GET", "/health/ready");
    EXPECT_EQ(answer.status, 200);
    const auto readyz = co_await ask(server, "GET", "/readyz");
    EXPECT_EQ(readyz.status, 200);
    EXPECT_EQ(readyz.body, "ok\n");
    const auto metrics = co_await ask(server, "GET", "/metrics");
    EXPECT_EQ(metrics.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    serving.cancel();
    co_await serving.join();
  });
}

TEST(MetricsServer, SaysThatAPortIsTaken) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MetricsServer first{executor, "127.0.0.1:0", {}};
    std::string said;
    try {
      MetricsServer second{executor, "127.0.0.1:" + std::to_string(first.port()), {}};
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_THAT(said, StartsWith("metrics server: listen on 127.0.0.1:"));
    EXPECT_THAT(said, HasSubstr("Address already in use; change listen_address"));
  });
}

TEST(MetricsServer, ListensOnAllAddressesWithoutAHost) {
  tests::run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MetricsServer server{executor, ":0", {}};
    util::TaskGroup serving{executor};
    serving.start(server.run());
    const auto answer = co_await ask(server, "GET", "/healthz");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(server.address(), ":" + std::to_string(server.port()));
    serving.cancel();
    co_await serving.join();
  });
}

}  // namespace
}  // namespace slipway::runner
