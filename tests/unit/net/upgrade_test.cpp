#include <gmock/gmock.h>

#include "net/client.hpp"
#include "peers.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::run_test;
using Script = ScriptedPeer::Script;

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

Request attach(std::string body = "") {
  return {"POST", "/attach", {}, std::move(body)};
}

asio::awaitable<void> read_ignored(ByteStream& stream) {
  co_await read_exactly(stream, 1000);
}
asio::awaitable<void> write_ignored(ByteStream& stream, std::string text) {
  co_await stream.write(text);
}

const std::string switched = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

TEST(Upgrade, GivesTheStreamWithWhatFollowedTheHead) {
  with_peer({read_head(), read_body(2), say(switched + "left"), wait(10ms), say("over"),
             read_body(5), say("world"), close()},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              const auto upgrade = co_await client.upgrade(attach("{}"), "tcp");
              EXPECT_EQ(upgrade.response.status, 101);
              EXPECT_THAT(peer.heads().at(0),
                          HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"));
              EXPECT_TRUE(upgrade.stream);
              if (!upgrade.stream) co_return;
              EXPECT_EQ(co_await read_exactly(*upgrade.stream, 3), "lef");
              EXPECT_EQ(co_await read_exactly(*upgrade.stream, 5), "tover");
              co_await upgrade.stream->write("hello");
              EXPECT_EQ(co_await read_exactly(*upgrade.stream, 100), "world");
              char byte;
              EXPECT_EQ(co_await upgrade.stream->read_some({&byte, 1}), 0u);
            });
}

TEST(Upgrade, ARefusalIsAnOrdinaryAnswer) {
  with_peer({read_head(), say("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"),
             read_head(), say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), hold()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              const auto upgrade = co_await client.upgrade(attach(), "tcp");
              EXPECT_EQ(upgrade.response.status, 404);
              EXPECT_EQ(upgrade.response.body, "gone");
              EXPECT_FALSE(upgrade.stream);
              co_await client.send(attach());
              EXPECT_EQ(client.connections_opened(), 1u);
            });
}

TEST(Upgrade, TheStreamHasNoLimitOfItsOwn) {
  with_peer({read_head(), say(switched), wait(100ms), say("late"), hold()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              const Limits limits{.head = 40ms, .idle = 40ms, .total = 60ms};
              const auto upgrade = co_await client.upgrade(attach(), "tcp", limits);
              EXPECT_EQ(co_await read_exactly(*upgrade.stream, 4), "late");
            });
}

TEST(Upgrade, TheStreamIsCancelledAndClosed) {
  with_peer({read_head(), say(switched), wait(200ms), hold()},
            [](HttpClient& client, ScriptedPeer& peer) -> asio::awaitable<void> {
              auto upgrade = co_await client.upgrade(attach(), "tcp");
              auto& stream = *upgrade.stream;
              EXPECT_EQ(co_await cancelled(read_ignored(stream)), "aborted");
              const std::string large(64u << 20, 'x');
              EXPECT_EQ(co_await cancelled(write_ignored(stream, large)), "aborted");
              EXPECT_EQ(peer.ended(), 0u);
              stream.close();
              EXPECT_THAT(co_await failure_of(write_ignored(stream, "x")),
                          testing::StartsWith("send: "));
              while (peer.ended() == 0) co_await util::sleep_for(1ms);
            });
}

TEST(Upgrade, AResetIsAFailureOfTheStream) {
  with_peer({read_head(), say(switched), wait(20ms), reset()},
            [](HttpClient& client, ScriptedPeer&) -> asio::awaitable<void> {
              const auto upgrade = co_await client.upgrade(attach(), "tcp");
              EXPECT_THAT(co_await failure_of(read_ignored(*upgrade.stream)),
                          testing::StartsWith("receive: receive from 127.0.0.1:"));
            });
}

}  // namespace
}  // namespace slipway::net
