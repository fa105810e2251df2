// An Engine that is slow, and one that does not answer at all.

#include "docker_api/liveness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"
#include "net/error.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

const Answer mute{200, "", {}, {}, Answer::End::mute};
const Answer half{200, "", {}, {R"({"StatusCode")"}, Answer::End::hang};
const Answer pong{200, "", {{"API-Version", "1.41"}}};

/// The text of the net::Error that `work` throws, "" if it is still under way after `limit`.
template <class T>
asio::awaitable<std::string> failure(asio::awaitable<T> work, std::chrono::milliseconds limit) {
  std::string text;
  try {
    co_await util::with_timeout(std::move(work), limit);
    text = "no failure";
  } catch (const net::Error& error) {
    text = error.what();
  } catch (const util::TimeoutError&) {
  }
  co_return text;
}

std::size_t pings(const FakeEngine& engine) {
  std::size_t count = 0;
  for (const auto& request : engine.requests()) count += request.target == "/_ping";
  return count;
}

TEST(Liveness, AWaitGoesOnAsLongAsTheEngineAnswersPings) {
  const Impatience impatience;
  for (const auto& silent : {mute, half}) {
    with_engine({{"POST /v1.41/containers/c1/wait", {silent}}},
                [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                  co_await client.connect();
                  const auto text = co_await failure(client.wait_container("c1"), 250ms);
                  EXPECT_EQ(text, "");
                  EXPECT_GE(pings(engine), 3u);
                });
  }
}

TEST(Liveness, AnEngineThatAnswersNoPingEndsEveryKindOfCall) {
  const Impatience impatience;
  using Start = asio::awaitable<std::string> (*)(Client&);
  struct Case {
    const char* call;
    Answer answer;
    Start start;
  };
  const Case cases[] = {
      {"POST /containers/c1/wait", mute,
       [](Client& client) { return failure(client.wait_container("c1"), 3s); }},
      {"POST /containers/c1/wait", half,
       [](Client& client) { return failure(client.wait_container("c1"), 3s); }},
      {"POST /containers/c1/start", mute,
       [](Client& client) { return failure(client.start_container("c1"), 3s); }},
      {"POST /containers/create", mute,
       [](Client& client) {
         ContainerSpec spec;
         return failure(client.create_container(spec), 3s);
       }},
      {"DELETE /containers/c1", mute,
       [](Client& client) { return failure(client.remove_container("c1", true, true), 3s); }},
      {"POST /containers/c1/attach", mute,
       [](Client& client) { return failure(client.attach("c1", true), 3s); }},
      {"PUT /containers/c1/archive", mute,
       [](Client& client) { return failure(client.put_archive("c1", "/", "tar"), 3s); }},
      {"POST /images/create", mute,
       [](Client& client) { return failure(client.pull_image("a", "b", "", ""), 3s); }},
      {"POST /images/create", Answer{200, "", {}, {R"({"status":"Pulling"})"}, Answer::End::hang},
       [](Client& client) { return failure(client.pull_image("a", "b", "", ""), 3s); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.call);
    with_engine({{"HEAD /_ping", {mute}}, {c.call, {c.answer}}},
                [start = c.start](Client& client, FakeEngine&) {
                  return [](Client& engine, Start go) -> asio::awaitable<void> {
                    const auto begin = std::chrono::steady_clock::now();
                    const auto text = co_await go(engine);
                    EXPECT_THAT(text, HasSubstr("a ping is not answered either"));
                    EXPECT_THAT(text, StartsWith("Docker Engine: "));
                    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
                    EXPECT_GT(engine.disturbances(), 0u);
                  }(client, start);
                });
  }
}

TEST(Liveness, ShortCallsEndAtTheirOwnLimit) {
  const Impatience impatience;
  with_engine({{"GET /info", {mute}}, {"GET /containers/c1/json", {mute}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                const auto info = co_await failure(client.info(), 3s);
                EXPECT_THAT(info, HasSubstr("no answer within 0.3 s"));
                const auto inspect = co_await failure(client.inspect_container("c1"), 3s);
                EXPECT_THAT(inspect, HasSubstr("no answer within 0.3 s"));
                EXPECT_EQ(pings(engine), 0u);
              });
}

TEST(Liveness, AConnectThatIsNotAnsweredEnds) {
  const Impatience impatience;
  with_engine({{"HEAD /_ping", {mute}}}, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    const auto text = co_await failure(client.connect(), 3s);
    EXPECT_THAT(text, HasSubstr("no answer within 0.15 s"));
    EXPECT_EQ(client.api_version(), "");
  });
}

TEST(Liveness, ACallThatIsCancelledLeavesNothingBehind) {
  const Impatience impatience;
  with_engine({{"POST /containers/create", {mute}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                const ContainerSpec spec;
                const auto text = co_await failure(client.create_container(spec), 20ms);
                EXPECT_EQ(text, "");
                const auto before = pings(engine);
                co_await util::sleep_for(200ms);
                EXPECT_EQ(pings(engine), before);
              });
}

}  // namespace
}  // namespace slipway::docker_api
