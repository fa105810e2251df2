#include <gmock/gmock.h>

#include "net/client.hpp"
#include "peers.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

/// Request bodies, and answers that come before their end.
namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::run_test;
using Script = ScriptedPeer::Script;

constexpr std::size_t huge = 32u << 20;  ///< more than the sockets' buffers hold

template <class Test>
void with_peer(Script script, Test test) {
  run_test([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<Script> scripts{std::move(script)};
    ScriptedPeer peer{executor, std::move(scripts)};
    HttpClient client{executor, peer.endpoint()};
    auto body = test(client, peer);
    auto both = beside(peer.run(), std::move(body));
    co_await std::move(both);
  });
}

Request put(std::string body = "") {
  return {"PUT", "/upload", {}, std::move(body)};
}

asio::awaitable<void> send_ignored(HttpClient& client, Request request, Limits limits,
                                   BodySource* source) {
  co_await client.send(std::move(request), limits, source);
}

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Upload, ASizedSourceIsSentWithItsLength) {
  with_peer({read_head(), read_body(200'000), say(ok), hold()},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              TextSource source{std::string(200'000, 'x'), 777, true};
              EXPECT_EQ((co_await client.send(put(), {}, &source)).body, "ok");
              EXPECT_THAT(peer.heads().at(0), HasSubstr("\r\nContent-Length: 200000\r\n"));
            });
}

TEST(Upload, ASizedSourceMayBeEmpty) {
  with_peer({read_head(), say(ok), hold()},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              TextSource source{"", 10, true};
              EXPECT_EQ((co_await client.send(put(), {}, &source)).body, "ok");
              EXPECT_THAT(peer.heads().at(0), HasSubstr("\r\nContent-Length: 0\r\n"));
            });
}

TEST(Upload, AnUnsizedSourceIsChunked) {
  with_peer({read_head(), read_body((3 + 5 + 2) + (3 + 2 + 2) + 5), say(ok), hold()},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              TextSource source{"hello12", 5, false};
              EXPECT_EQ((co_await client.send(put(), {}, &source)).body, "ok");
              EXPECT_THAT(peer.heads().at(0), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
            });
}

TEST(Upload, ALargeBodyArrivesWhole) {
  with_peer(
      {read_head(), read_body(huge), say(ok), read_head(), read_body(20'000), say(ok), hold()},
      [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
        EXPECT_EQ((co_await client.send(put(std::string(huge, 'x')))).body, "ok");
        EXPECT_EQ((co_await client.send(put(std::string(20'000, 'x')))).body, "ok");
        EXPECT_EQ(client.connections_opened(), 1u);
      });
}

TEST(Upload, AnEarlyRefusalEndsIt) {
  for (const bool streamed : {false, true}) {
    with_peer(
        {read_head(), say("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"), wait(5s)},
        [&](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
          TextSource source{std::string(huge, 'x'), 1u << 20, true};
          if (streamed) {
            const auto stream = co_await client.open(put(), {}, &source);
            EXPECT_EQ(stream->head().status, 413);
            EXPECT_EQ(co_await read_all(*stream), "big");
          } else {
            const auto response = co_await client.send(put(), {}, &source);
            EXPECT_EQ(response.status, 413);
            EXPECT_EQ(response.body, "big");
          }
        });
  }
}

TEST(Upload, AnEarlyRefusalIsSeenThoughThePeerCloses) {
  with_peer({read_head(), say("HTTP/1.1 307 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
             wait(50ms), close()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              TextSource source{std::string(huge, 'x'), 1u << 20, false, 1ms};
              const auto response = co_await client.send(put(), {}, &source);
              EXPECT_EQ(response.status, 307);
              EXPECT_EQ(response.headers.get("Location"), "/x");
            });
}

TEST(Upload, Edge47AnEarlyRefusalIsSeenThoughThePeerResets) {
  // Unread input makes the peer's kernel reset the connection right behind the answer.
  for (const int status : {403, 413, 503}) {
    for (const std::size_t size : {std::size_t{100}, std::size_t{1'000'000}, huge}) {
      for (const bool sized : {false, true}) {
        const auto answer = "HTTP/1.1 " + std::to_string(status) +
                            " No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        with_peer({read_head(), say(answer), reset()},
                  [&](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
                    TextSource source{std::string(size, 'x'), 1u << 20, sized, 1ms};
                    const auto stream = co_await client.open(put(), {}, &source);
                    EXPECT_EQ(stream->head().status, status);
                    EXPECT_EQ(co_await read_all(*stream), "{}");
                    EXPECT_EQ(source.rewinds(), 0);
                  });
      }
    }
  }
}

TEST(Upload, ASmallRequestToAPeerThatAnsweredAndLeft) {
  // The refusal is there before the request goes out.
  with_peer({say("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), reset()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              TextSource source{"late", 4, true, 50ms};
              EXPECT_EQ((co_await client.send(put(), {}, &source)).status, 503);
            });
}

TEST(Upload, AnEarlySuccessWaitsForTheRest) {
  // Answers at once, as a proxy does, and reads the body before it goes on.
  with_peer({read_head(), say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), read_body(huge),
             say("ok"), read_head(), say(ok), hold()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              TextSource source{std::string(huge, 'x'), 1u << 20, true};
              EXPECT_EQ((co_await client.send(put(), {}, &source)).body, "ok");
              EXPECT_EQ((co_await client.send(put())).body, "ok");
              EXPECT_EQ(client.connections_opened(), 1u);
            });
}

TEST(Upload, AStreamedEarlySuccessWaitsForTheRest) {
  with_peer({read_head(), say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), read_body(huge),
             say("ok"), hold()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              TextSource source{std::string(huge, 'x'), 1u << 20, true};
              const auto stream = co_await client.open(put(), {}, &source);
              EXPECT_EQ(co_await read_all(*stream), "ok");
            });
}

TEST(Upload, APeerThatDoesNotReadIsGivenUp) {
  with_peer(
      {read_head(), wait(5s)}, [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
        TextSource source{std::string(huge, 'x'), 1u << 20, true};
        const Limits limits{.idle = 50ms};
        EXPECT_EQ(
            co_await failure_of(send_ignored(client, put(), limits, &source)),
            "send: send to " + client.endpoint().display() + ": nothing accepted within 0.05 s");
      });
}

TEST(Upload, APeerThatLeavesIsAFailure) {
  with_peer({read_head(), reset()}, [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
    TextSource source{std::string(huge, 'x'), 1u << 20, true};
    const auto failure = co_await failure_of(send_ignored(client, put(), {}, &source));
    EXPECT_THAT(failure,
                testing::AnyOf(testing::StartsWith("send: "), testing::StartsWith("receive: ")));
  });
}

class BrokenSource final : public BodySource {
 public:
  std::optional<std::uint64_t> size() const override { return 1000; }
  asio::awaitable<std::size_t> read(std::span<char>) override {
    if (given_) throw std::runtime_error{"disk on fire"};
    given_ = true;
    co_return 10;
  }
  void rewind() override {}

 private:
  bool given_ = false;
};

TEST(Upload, AFailureOfTheSourceEndsTheCall) {
  with_peer({read_head(), hold(), hold()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              BrokenSource broken;
              EXPECT_EQ(co_await failure_of(send_ignored(client, put(), {}, &broken)),
                        "disk on fire");
            });
}

class ShortSource final : public BodySource {
 public:
  std::optional<std::uint64_t> size() const override { return 10; }
  asio::awaitable<std::size_t> read(std::span<char>) override { co_return 0; }
  void rewind() override {}
};

TEST(Upload, AShortSourceIsAFailure) {
  with_peer({read_head(), hold()}, [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
    ShortSource source;
    EXPECT_THAT(co_await failure_of(send_ignored(client, put(), {}, &source)),
                HasSubstr("ended 10 bytes too early"));
  });
}

}  // namespace
}  // namespace slipway::net
