#include "net/client.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "peers.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using tests::run_test;
using Script = ScriptedPeer::Script;

/// Runs `test(client, peer)` against a peer with these scripts.
template <class Test>
void with_peer(std::vector<Script> scripts, Test test) {
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ScriptedPeer peer{executor, std::move(scripts)};
    HttpClient client{executor, peer.endpoint()};
    auto body = test(client, peer);
    auto both = beside(peer.run(), std::move(body));
    co_await std::move(both);
  });
}

Request get(std::string target = "/") {
  return {"GET", std::move(target), {}, ""};
}

asio::awaitable<void> send_ignored(HttpClient& client, Request request, Limits limits,
                                   BodySource* source = nullptr) {
  co_await client.send(std::move(request), limits, source);
}

asio::awaitable<void> open_and_read(HttpClient& client, Request request, Limits limits) {
  const auto stream = co_await client.open(std::move(request), limits);
  co_await read_all(*stream);
}

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(HttpClient, SendsARequestAndReadsItsAnswer) {
  with_peer({{read_head(), read_body(4), say("HTTP/1.1 201 Created\r\nX-One: 1\r\nContent-Le"),
              wait(5ms), say("ngth: 5\r\n\r\nhel"), wait(5ms), say("lo"), hold()}},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              Request request{"POST", "/p?q=1", {{"X-Two", "2"}}, "body"};
              const auto response = co_await client.send(std::move(request));
              EXPECT_EQ(response.status, 201);
              EXPECT_EQ(response.reason, "Created");
              EXPECT_EQ(response.headers.get("x-one"), "1");
              EXPECT_EQ(response.body, "hello");
              EXPECT_EQ(peer.heads().at(0),
                        "POST /p?q=1 HTTP/1.1\r\nHost: " + client.endpoint().host_header() +
                            "\r\nX-Two: 2\r\nContent-Length: 4\r\n\r\n");
            });
}

TEST(HttpClient, KeepsItsConnection) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n";
  with_peer({{read_head(), say(ok), read_head(), say(chunked), read_head(),
              say("HTTP/1.1 204 No Content\r\n\r\n"), read_head(),
              say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), read_head(),
              say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok),
              read_head(), say(ok), hold()}},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              EXPECT_EQ((co_await client.send(get())).body, "ok");
              EXPECT_EQ((co_await client.send(get())).body, "ok");
              EXPECT_EQ((co_await client.send(get())).status, 204);
              Request head{"HEAD", "/", {}, ""};
              EXPECT_EQ((co_await client.send(std::move(head))).headers.get("Content-Length"),
                        "1000");
              EXPECT_EQ((co_await client.send(get())).body, "ok");
              const auto stream = co_await client.open(get());
              EXPECT_EQ(co_await read_all(*stream, 1), "ok");
              EXPECT_EQ(client.connections_opened(), 1u);
              EXPECT_EQ(client.exchanges(), 6u);
              EXPECT_EQ(peer.heads().size(), 6u);
            });
}

struct FreshCase {
  const char* what;
  Script first;
  bool leave_unread = false;
};

TEST(HttpClient, DoesNotKeepAConnectionThatCannotBe) {
  const FreshCase cases[] = {
      {"the answer says close",
       {read_head(), say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        hold()}},
      {"it ends by closing", {read_head(), say("HTTP/1.1 200 OK\r\n\r\nok"), close()}},
      {"HTTP/1.0", {read_head(), say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), hold()}},
      {"it sent more than was asked for", {read_head(), say(ok + ok), hold()}},
      {"the body was not read", {read_head(), say(ok), hold()}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    with_peer({c.first, {read_head(), say(ok), hold()}},
              [&](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
                if (c.leave_unread) {
                  const auto unread = co_await client.open(get());
                } else {
                  EXPECT_EQ((co_await client.send(get())).body, "ok");
                }
                EXPECT_EQ((co_await client.send(get())).body, "ok");
                EXPECT_EQ(client.connections_opened(), 2u);
                EXPECT_EQ(peer.accepted(), 2u);
              });
  }
}

TEST(HttpClient, NoticesAConnectionThatWasClosedAtRest) {
  with_peer({{read_head(), say(ok), close()}, {read_head(), say(ok), hold()}},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              co_await client.send(get());
              while (peer.ended() == 0) co_await util::sleep_for(1ms);
              EXPECT_EQ((co_await client.send(get())).body, "ok");
              EXPECT_EQ(peer.heads().size(), 2u);
            });
}

TEST(HttpClient, RepeatsOnceWhenAKeptConnectionEndsWithoutAnswer) {
  for (const auto& ending : {close(), reset()}) {
    with_peer({{read_head(), say(ok), read_head(), ending}, {read_head(), say(ok), hold()}},
              [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
                co_await client.send(get());
                TextSource source{"body", 3, true};
                Request request{"PUT", "/x", {}, ""};
                EXPECT_EQ((co_await client.send(std::move(request), {}, &source)).body, "ok");
                EXPECT_EQ(source.rewinds(), 1);
                EXPECT_EQ(peer.heads().size(), 3u);
              });
  }
}

TEST(HttpClient, DoesNotRepeatOnAFreshConnection) {
  with_peer({{read_head(), close()}, {read_head(), say(ok), hold()}},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              EXPECT_THAT(co_await failure_of(send_ignored(client, get(), {})),
                          HasSubstr("closed without an answer"));
              EXPECT_EQ(peer.accepted(), 1u);
            });
}

TEST(HttpClient, DoesNotRepeatAfterThePeerBeganToAnswer) {
  with_peer({{read_head(), say(ok), read_head(), say("HTTP/1.1 2"), close()}},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              co_await client.send(get());
              EXPECT_THAT(co_await failure_of(send_ignored(client, get(), {})),
                          HasSubstr("closed in the middle of the headers"));
            });
}

struct BadCase {
  const char* what;
  Script script;
  Limits limits;
  const char* want;
};

TEST(HttpClient, TellsWhatWentWrong) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const BadCase cases[] = {
      {"no HTTP", {say("SSH-2.0-x\r\n"), hold()}, {}, "protocol: HTTP with 127.0.0.1:"},
      {"garbage", {read_head(), say("HTTP/1.1 2x0 OK\r\n\r\n"), hold()}, {}, "protocol: "},
      {"upgrade", {read_head(), say("HTTP/1.1 101 Switch\r\n\r\n"), hold()}, {}, "protocol: "},
      {"cut length",
       {read_head(), say(head + "Content-Length: 9\r\n\r\nabc"), close()},
       {},
       "receive: receive from 127.0.0.1:"},
      {"cut chunk",
       {read_head(), say(head + "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"), close()},
       {},
       "receive: "},
      {"bad chunk",
       {read_head(), say(head + "Transfer-Encoding: chunked\r\n\r\nxx\r\n"), hold()},
       {},
       "protocol: "},
      {"reset",
       {read_head(), say(head + "Content-Length: 9\r\n\r\nabc"), wait(20ms), reset()},
       {},
       "receive: "},
      {"huge headers",
       {read_head(), say(head + "X: " + std::string(70'000, 'x') + "\r\n\r\n"), hold()},
       {},
       "limit: "},
      {"endless chunk line",
       {read_head(), say(head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x')),
        hold()},
       {},
       ""},
      {"announced too much",
       {read_head(), say(head + "Content-Length: 101\r\n\r\n"), hold()},
       {.max_body = 100},
       "limit: answer of 127.0.0.1:"},
      {"too much",
       {read_head(), say(head + "\r\n" + std::string(101, 'x')), hold()},
       {.max_body = 100},
       "limit: "},
      {"no answer", {read_head(), hold()}, {.head = 30ms}, "receive: receive from 127.0.0.1:"},
      {"half an answer", {read_head(), say("HTTP/1.1 200 O"), hold()}, {.head = 30ms}, "receive: "},
      {"body stalls",
       {read_head(), say(head + "Content-Length: 9\r\n\r\nabc"), hold()},
       {.idle = 30ms},
       "receive: "},
      {"slow for ever",
       {read_head(), say(head + "Content-Length: 9\r\n\r\na"), wait(20ms), say("b"), wait(20ms),
        say("c"), wait(20ms), say("d"), wait(20ms), say("e"), hold()},
       {.idle = 5s, .total = 50ms},
       "receive: "},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    with_peer({c.script}, [&](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
      const auto failure = co_await failure_of(send_ignored(client, get(), c.limits));
      EXPECT_NE(failure, "");
      EXPECT_THAT(failure, StartsWith(c.want));
    });
  }
}

TEST(HttpClient, SaysWhichLimitPassed) {
  with_peer(
      {{read_head(), hold()}}, [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
        const Limits limits{.head = 30ms};
        EXPECT_EQ(
            co_await failure_of(send_ignored(client, get(), limits)),
            "receive: receive from " + client.endpoint().display() + ": no answer within 0.03 s");
      });
}

TEST(HttpClient, NoLimitMeansForEver) {
  with_peer({{read_head(), wait(80ms), say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
              wait(80ms), say("ok"), hold()}},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              Limits limits{};
              limits.connect = limits.handshake = limits.head = limits.idle = limits.total = 0ms;
              EXPECT_EQ((co_await client.send(get(), limits)).body, "ok");
            });
}

TEST(HttpClient, StreamsAndTellsFailuresOfAStream) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  with_peer(
      {{read_head(), say(head + "3\r\nabc\r\n"), wait(20ms), say("2\r\nde\r\n0\r\n\r\n"), hold()},
       {read_head(), say(head + "3\r\nabc\r\n"), close()},
       {read_head(), say(head + "3\r\nabc\r\n"), hold()},
       {read_head(), say(head + "3\r\nabc\r\n"), hold()}},
      [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
        {
          const auto stream = co_await client.open(get());
          EXPECT_EQ(stream->head().status, 200);
          char buffer[100];
          EXPECT_EQ(co_await stream->read_some(buffer), 3u);
          EXPECT_EQ(co_await read_all(*stream), "de");
          EXPECT_EQ(co_await stream->read_some(buffer), 0u);
        }
        client.close_idle();
        EXPECT_THAT(co_await failure_of(open_and_read(client, get(), {})),
                    HasSubstr("closed in the middle of the body"));
        const Limits impatient{.idle = 30ms};
        EXPECT_THAT(co_await failure_of(open_and_read(client, get(), impatient)),
                    HasSubstr("no data within 0.03 s"));
        EXPECT_EQ(co_await cancelled(open_and_read(client, get(), {})), "aborted");
        while (peer.ended() < 4) co_await util::sleep_for(1ms);
        EXPECT_EQ(client.connections_opened(), 4u);
      });
}

asio::awaitable<void> read_one(ResponseStream& stream) {
  char byte = 0;
  co_await stream.read_some({&byte, 1});
}

TEST(HttpClient, ABrokenStreamDoesNotLookEnded) {
  with_peer({{read_head(), say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"), hold()}},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              const auto stream = co_await client.open(get());
              co_await read_one(*stream);
              EXPECT_EQ(co_await cancelled(read_one(*stream)), "aborted");
              EXPECT_THAT(co_await failure_of(read_one(*stream)), StartsWith("receive: "));
            });
}

TEST(HttpClient, CancelledCallsLeaveNothing) {
  with_peer(
      {{read_head(), hold()}, {read_head(), say("HTTP/1.1 200 OK\r\n\r\nx"), hold()}, {hold()}},
      [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
        EXPECT_EQ(co_await cancelled(send_ignored(client, get(), {})), "aborted");
        EXPECT_EQ(co_await cancelled(send_ignored(client, get(), {})), "aborted");
        TextSource slow{std::string(100'000, 'x'), 100, false, 5ms};
        Request upload{"PUT", "/", {}, ""};
        EXPECT_EQ(co_await cancelled(send_ignored(client, std::move(upload), {}, &slow)),
                  "aborted");
        while (peer.ended() < 3) co_await util::sleep_for(1ms);
      });
}

TEST(HttpClient, ClosesIdleConnectionsOnDemand) {
  with_peer({{read_head(), say(ok), hold()}, {read_head(), say(ok), hold()}},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              co_await client.send(get());
              client.close_idle();
              while (peer.ended() < 1) co_await util::sleep_for(1ms);
              co_await client.send(get());
              EXPECT_EQ(client.connections_opened(), 2u);
            });
}

TEST(HttpClient, RefusesARequestThatWouldBreakOut) {
  with_peer({{hold()}}, [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
    Request request{"GET", "/", {{"X", "a\r\nY: b"}}, ""};
    EXPECT_EQ(co_await failure_of(send_ignored(client, std::move(request), {})),
              "protocol: HTTP: a line break in X");
  });
}

std::size_t threads() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator{"/proc/self/task"},
                    std::filesystem::directory_iterator{}));
}

TEST(HttpClient, AnAddressNeedsNoThread) {
  const auto before = threads();
  with_peer({{read_head(), say(ok), hold()}},
            [&](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              co_await client.send(get());
              EXPECT_EQ(threads(), before);
            });
}

}  // namespace
}  // namespace slipway::net
