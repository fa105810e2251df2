#include "net/server.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "net/client.hpp"
#include "peers.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/event.hpp"
#include "util/task_group.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;
using tests::run_test;

Request request(std::string method, std::string target, std::string body = "") {
  return {std::move(method), std::move(target), {}, std::move(body)};
}

Response answer(std::string body, int status = 200) {
  return {status, "", {}, std::move(body)};
}

asio::awaitable<void> send_ignored(HttpClient& client, Request message, Limits limits = {}) {
  co_await client.send(std::move(message), limits);
}

/// What the test's handlers saw.
struct Seen {
  int started = 0;
  int cancelled = 0;
  std::string failure;
};

asio::awaitable<void> wait_long(Seen& seen) {
  try {
    co_await util::sleep_for(10s);
  } catch (const boost::system::system_error&) {
    ++seen.cancelled;
    throw;
  }
}

asio::awaitable<void> stream_lines(Exchange& exchange) {
  Response head;
  head.status = 200;
  co_await exchange.begin(std::move(head));
  for (int i = 0; i < 100; ++i) co_await exchange.write("line " + std::to_string(i) + "\n");
  co_await exchange.finish();
}

asio::awaitable<void> stream_sized(Exchange& exchange) {
  Response head;
  head.status = 200;
  head.headers.add("Content-Length", "6");
  co_await exchange.begin(std::move(head));
  co_await exchange.write("abc");
  co_await exchange.write("def");
  co_await exchange.finish();
}

asio::awaitable<void> half_an_answer(Exchange& exchange) {
  Response head;
  head.status = 200;
  co_await exchange.begin(std::move(head));
  co_await exchange.write("abc");
}

asio::awaitable<void> echo_pieces(Exchange& exchange) {
  Response head;
  head.status = 200;
  co_await exchange.begin(std::move(head));
  char buffer[1000];
  while (const auto bytes = co_await exchange.read_some(buffer))
    co_await exchange.write({buffer, bytes});
  co_await exchange.finish();
}

asio::awaitable<void> small_bodies_only(Exchange& exchange) {
  bool too_large = false;
  try {
    co_await exchange.read_body(10);
  } catch (const Error& error) {
    too_large = error.step() == Step::limit;
  }
  co_await exchange.respond(answer(too_large ? "too large" : "fine", too_large ? 413 : 200));
}

/// One handler for all tests: the path says what it does.
asio::awaitable<void> handle(Seen& seen, Exchange& exchange) {
  ++seen.started;
  const auto& target = exchange.request().target;
  if (target == "/hello") co_await exchange.respond(answer("hello"));
  if (target == "/echo") {
    auto body = co_await exchange.read_body(64u << 20);
    co_await exchange.respond(answer(std::move(body)));
  }
  if (target == "/pieces") co_await echo_pieces(exchange);
  if (target == "/lines") co_await stream_lines(exchange);
  if (target == "/sized") co_await stream_sized(exchange);
  if (target == "/half") co_await half_an_answer(exchange);
  if (target == "/small") co_await small_bodies_only(exchange);
  if (target == "/refuse") co_await exchange.respond(answer("no", 403));
  if (target == "/empty") co_await exchange.respond(answer("", 204));
  if (target == "/peer") co_await exchange.respond(answer(exchange.peer()));
  if (target == "/throw") throw std::runtime_error{"handler broke"};
  if (target == "/drop") exchange.drop();
  if (target == "/wait") co_await wait_long(seen);
}

struct Fixture {
  Fixture(asio::any_io_executor executor, ServerOptions options = {}, bool unix_socket = false)
      : server{executor, [this](Exchange& exchange) { return handle(seen, exchange); }, options},
        endpoint{unix_socket ? unix_endpoint() : loopback(0)} {
    const auto port = server.listen(endpoint);
    endpoint.port = port;
  }
  Seen seen;
  HttpServer server;
  Endpoint endpoint;
};

/// Runs `test(fixture, client)` beside a server.
template <class Test>
void with_server(Test test, ServerOptions options = {}, bool unix_socket = false) {
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Fixture fixture{executor, options, unix_socket};
    HttpClient client{executor, fixture.endpoint};
    auto body = test(fixture, client);
    auto work = beside(fixture.server.run(), std::move(body));
    co_await std::move(work);
  });
}

/// Sends `text` as it is, waits for the peer to close (or for `expect` bytes), and gives what came.
asio::awaitable<std::string> raw(Endpoint endpoint, std::string text, std::size_t expect = 0) {
  tcp::socket socket{co_await asio::this_coro::executor};
  const tcp::endpoint address{asio::ip::make_address(endpoint.host), endpoint.port};
  co_await socket.async_connect(address, asio::use_awaitable);
  co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
  std::string reply;
  boost::system::error_code error;
  char buffer[4096];
  while (!error && (expect == 0 || reply.size() < expect)) {
    const auto bytes = co_await socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    reply.append(buffer, bytes);
  }
  co_return reply;
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  for (const bool unix_socket : {false, true}) {
    with_server(
        [&](Fixture& fixture, HttpClient& client) -> asio::awaitable<void> {
          std::string lines;
          for (int i = 0; i < 100; ++i) lines += "line " + std::to_string(i) + "\n";
          const std::string large(5u << 20, 'x');
          const std::tuple<std::string, std::string, std::string, int> cases[] = {
              {"/hello", "", "hello", 200},
              {"/echo", "abc", "abc", 200},
              {"/echo", large, large, 200},
              {"/pieces", large, large, 200},
              {"/lines", "", lines, 200},
              {"/sized", "", "abcdef", 200},
              {"/empty", "", "", 204},
              {"/refuse", "unread", "no", 403},
              {"/echo", "", "", 200},
              {"/throw", "", "internal error\n", 500},
              {"/silent", "", "internal error\n", 500},
          };
          for (const auto& [target, body, want, status] : cases) {
            const auto response = co_await client.send(request("POST", target, body));
            EXPECT_EQ(response.status, status) << target;
            EXPECT_EQ(response.body, want) << target;
          }
          // One more only: /pieces begins to answer in front of a long body, which may well not
          // come to its end.
          EXPECT_EQ(client.connections_opened(), 2u);
          const auto peer = co_await client.send(request("GET", "/peer"));
          if (unix_socket)
            EXPECT_EQ(peer.body, "");
          else
            EXPECT_THAT(peer.body, StartsWith("127.0.0.1:"));
          EXPECT_EQ(fixture.seen.started, 12);
        },
        {}, unix_socket);
  }
}

TEST(HttpServer, BodiesOfEveryLengthArriveWholeAndKeepTheConnection) {
  with_server([](Fixture&, HttpClient& client) -> asio::awaitable<void> {
    // Around the steps in which bodies are read and written.
    for (const std::size_t step : {4u << 10, 16u << 10, 64u << 10, 128u << 10, 1u << 20}) {
      for (const std::size_t size : {step - 1, step, step + 1, 3 * step + 7}) {
        std::string body(size, '\0');
        for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 % 253);
        TextSource source{body, 50'000, true};
        const auto streamed = co_await client.send(request("POST", "/echo"), {}, &source);
        EXPECT_TRUE(streamed.body == body) << size;
        const auto whole = co_await client.send(request("POST", "/echo", body));
        EXPECT_TRUE(whole.body == body) << size;
      }
    }
    EXPECT_EQ(client.connections_opened(), 1u);
  });
}

TEST(HttpServer, TheNextRequestMayComeRightBehindALongBody) {
  with_server([](Fixture& fixture, HttpClient&) -> asio::awaitable<void> {
    const std::string body(300'000, 'b');
    const auto text = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + body +
                      "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const auto reply = co_await raw(fixture.endpoint, text);
    EXPECT_THAT(reply, HasSubstr("\r\n\r\n" + body + "HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(reply.ends_with("hello"));
  });
}

TEST(HttpServer, HeadGetsTheLengthAndNoBody) {
  with_server([](Fixture& fixture, HttpClient& client) -> asio::awaitable<void> {
    for (const std::string target : {"/hello", "/sized", "/lines"}) {
      const auto response = co_await client.send(request("HEAD", target));
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(response.body, "");
      if (target != "/lines") {
        EXPECT_EQ(response.headers.get("Content-Length"), target == "/hello" ? "5" : "6");
      }
    }
    EXPECT_EQ(client.connections_opened(), 1u);
    EXPECT_EQ(fixture.seen.started, 3);
  });
}

TEST(HttpServer, ChunkedRequestsArriveWhole) {
  with_server([](Fixture&, HttpClient& client) -> asio::awaitable<void> {
    TextSource source{std::string(100'000, 'y'), 333, false};
    const auto response = co_await client.send(request("PUT", "/echo"), {}, &source);
    EXPECT_EQ(response.body, std::string(100'000, 'y'));
  });
}

TEST(HttpServer, ALargeBodyIsRefusedAndTheRefusalArrives) {
  with_server([](Fixture&, HttpClient& client) -> asio::awaitable<void> {
    for (const std::size_t size : {20u, 30u << 20}) {
      const auto response = co_await client.send(request("POST", "/small", std::string(size, 'x')));
      EXPECT_EQ(response.status, 413) << size;
      EXPECT_EQ(response.body, "too large") << size;
    }
    TextSource source{std::string(1u << 20, 'x'), 1000, false};
    const auto response = co_await client.send(request("POST", "/small"), {}, &source);
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ((co_await client.send(request("POST", "/small", "ok"))).body, "fine");
  });
}

TEST(HttpServer, AnAnswerCutShortIsSeenAsSuch) {
  with_server([](Fixture&, HttpClient& client) -> asio::awaitable<void> {
    EXPECT_THAT(co_await failure_of(send_ignored(client, request("GET", "/half"))),
                HasSubstr("closed in the middle of the body"));
    EXPECT_THAT(co_await failure_of(send_ignored(client, request("GET", "/drop"))),
                HasSubstr("closed without an answer"));
  });
}

TEST(HttpServer, RefusesWhatIsNotARequest) {
  const std::pair<std::string, const char*> cases[] = {
      {"hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
      {"GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
  };
  with_server([&](Fixture& fixture, HttpClient&) -> asio::awaitable<void> {
    for (const auto& [text, want] : cases) {
      const auto reply = co_await raw(fixture.endpoint, text);
      EXPECT_THAT(reply, StartsWith(want));
      EXPECT_THAT(reply, HasSubstr("\r\nConnection: close\r\n"));
    }
    EXPECT_EQ(fixture.seen.started, 0);
  });
}

TEST(HttpServer, SpeaksOldHttp) {
  with_server([&](Fixture& fixture, HttpClient&) -> asio::awaitable<void> {
    const auto whole = co_await raw(fixture.endpoint, "GET /hello HTTP/1.0\r\n\r\n");
    EXPECT_THAT(whole, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(whole, testing::EndsWith("\r\n\r\nhello"));
    const auto streamed = co_await raw(fixture.endpoint, "GET /lines HTTP/1.0\r\n\r\n");
    EXPECT_THAT(streamed, testing::Not(HasSubstr("chunked")));
    EXPECT_THAT(streamed, HasSubstr("\r\n\r\nline 0\nline 1\n"));
  });
}

TEST(HttpServer, InvitesABodyThatWaitsForIt) {
  with_server([&](Fixture& fixture, HttpClient&) -> asio::awaitable<void> {
    const std::string head =
        " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n";
    const std::string invited = "HTTP/1.1 100 Continue\r\n\r\n";
    auto text = "POST /echo" + head + "\r\n";
    EXPECT_EQ(co_await raw(fixture.endpoint, std::move(text), invited.size()), invited);
    auto refused = "POST /refuse" + head + "\r\n";
    EXPECT_THAT(co_await raw(fixture.endpoint, std::move(refused)), StartsWith("HTTP/1.1 403 "));
  });
}

TEST(HttpServer, LimitsItsWaits) {
  const std::pair<const char*, std::string> cases[] = {
      {"nothing sent", ""},
      {"half a head", "GET / HT"},
      {"half a body", "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"},
      {"kept alive", "GET /hello HTTP/1.1\r\n\r\n"},
  };
  for (const auto& [what, text] : cases) {
    SCOPED_TRACE(what);
    with_server(
        [&](Fixture& fixture, HttpClient&) -> asio::awaitable<void> {
          const auto begin = std::chrono::steady_clock::now();
          co_await raw(fixture.endpoint, text);
          EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
        },
        {.head = 50ms, .idle = 50ms});
  }
}

TEST(HttpServer, LimitsItsConnections) {
  with_server(
      [](Fixture& fixture, HttpClient& client) -> asio::awaitable<void> {
        util::TaskGroup tasks{co_await asio::this_coro::executor};
        for (int i = 0; i < 3; ++i) tasks.start(send_ignored(client, request("GET", "/wait")));
        co_await util::sleep_for(50ms);
        EXPECT_EQ(fixture.seen.started, 2);
        tasks.cancel();
        co_await tasks.join();
        EXPECT_EQ((co_await client.send(request("GET", "/hello"))).body, "hello");
      },
      {.max_connections = 2});
}

TEST(HttpServer, CancelsTheHandlerOfAPeerThatLeft) {
  with_server([](Fixture& fixture, HttpClient& client) -> asio::awaitable<void> {
    const Limits short_poll{.head = 30ms};
    EXPECT_THAT(co_await failure_of(send_ignored(client, request("POST", "/wait"), short_poll)),
                StartsWith("receive: "));
    while (fixture.seen.cancelled < 1) co_await util::sleep_for(1ms);
    // A second request behind the first hides the disconnect from a plain wait.
    tcp::socket socket{co_await asio::this_coro::executor};
    const tcp::endpoint address{asio::ip::make_address("127.0.0.1"), fixture.endpoint.port};
    co_await socket.async_connect(address, asio::use_awaitable);
    const std::string two = "GET /wait HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n\r\n";
    asio::write(socket, asio::buffer(two.substr(0, 22)));
    co_await util::sleep_for(20ms);
    asio::write(socket, asio::buffer(two.substr(22)));
    co_await util::sleep_for(20ms);
    socket.close();
    while (fixture.seen.cancelled < 2) co_await util::sleep_for(10ms);
  });
}

TEST(HttpServer, EndsWithItsHandlersWhenCancelled) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Fixture fixture{executor};
    HttpClient client{executor, fixture.endpoint};
    util::TaskGroup calls{executor};
    calls.start(ignore(failure_of(send_ignored(client, request("GET", "/wait")))));
    EXPECT_EQ(co_await cancelled(fixture.server.run()), "aborted");
    EXPECT_EQ(fixture.seen.cancelled, fixture.seen.started);
    EXPECT_EQ(fixture.seen.started, 1);
    co_await calls.join();
    EXPECT_THAT(co_await failure_of(send_ignored(client, request("GET", "/hello"))),
                HasSubstr("Connection refused"));
  });
}

TEST(HttpServer, ServesManyAtOnce) {
  for (const bool unix_socket : {false, true}) {
    with_server(
        [](Fixture& fixture, HttpClient& client) -> asio::awaitable<void> {
          util::TaskGroup tasks{co_await asio::this_coro::executor};
          for (int i = 0; i < 200; ++i)
            tasks.start(send_ignored(client, request("POST", "/echo", std::string(1000, 'x'))));
          co_await tasks.join();
          EXPECT_EQ(fixture.seen.started, 200);
          EXPECT_LE(client.connections_opened(), 200u);
          for (int i = 0; i < 50; ++i) co_await client.send(request("GET", "/hello"));
          EXPECT_LE(client.connections_opened(), 200u);
        },
        {}, unix_socket);
  }
}

TEST(HttpServer, ListensOrSaysWhyNot) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Fixture fixture{executor};
    HttpServer second{executor, [](Exchange& exchange) { return stream_lines(exchange); }};
    const auto listen = [&](Endpoint endpoint) -> std::string {
      try {
        second.listen(std::move(endpoint));
      } catch (const Error& error) {
        return error.what();
      }
      return "";
    };
    EXPECT_EQ(listen(fixture.endpoint),
              "listen on " + fixture.endpoint.display() + ": Address already in use");
    Endpoint path = unix_endpoint();
    EXPECT_EQ(listen(path), "");
    EXPECT_THAT(listen(path), HasSubstr("Address already in use"));
    path.host = std::string(200, 'x');
    EXPECT_THAT(listen(path), HasSubstr("File name too long"));
    EXPECT_EQ(listen({Endpoint::Scheme::http, "::1", 0, {}}), "");
    EXPECT_EQ(listen({Endpoint::Scheme::http, "localhost", 0, {}}), "");
    EXPECT_THAT(listen({Endpoint::Scheme::https, "127.0.0.1", 0, {}}), StartsWith("TLS: "));
  });
}

TEST(HttpServer, TakesOverADeadSocketAndRemovesItsOwn) {
  run_test([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto endpoint = unix_endpoint();
    struct stat info {};
    {
      // What a killed process leaves: a socket file and nobody behind it.
      asio::local::stream_protocol::acceptor dead{executor, {endpoint.host}};
    }
    EXPECT_EQ(::stat(endpoint.host.c_str(), &info), 0);
    {
      HttpServer server{executor, [](Exchange& exchange) { return stream_lines(exchange); }};
      server.listen(endpoint);
      EXPECT_EQ(::stat(endpoint.host.c_str(), &info), 0);
    }
    EXPECT_NE(::stat(endpoint.host.c_str(), &info), 0);
  });
}

}  // namespace
}  // namespace slipway::net
