#include "executors/reaper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/this_coro.hpp>
#include <sstream>

#include "engine_double.hpp"
#include "tests/fakes/run_test.hpp"
#include "util/async.hpp"
#include "util/task_group.hpp"

namespace slipway::executors {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::run_test;
using Kind = Reaper::Kind;
using Answer = EngineDouble::Answer;

const Answer in_use{409, "volume is in use - [0123]"};
const Answer hang{0, "", true};

/// A double that is being served, a client of it, and a Reaper whose clock stands still.
struct Scene {
  explicit Scene(asio::any_io_executor executor)
      : engine{executor}, client{executor, engine.endpoint()}, serving{executor} {
    serving.start(engine.run());
  }
  Reaper::Settings settings() {
    Reaper::Settings settings;
    settings.call_limit = 300ms;
    settings.patience = 50ms;
    settings.now = [this] { return now; };
    return settings;
  }
  asio::awaitable<void> end() {
    serving.cancel();
    co_await serving.join();
  }
  void adopt(Kind kind, const char* id) { reaper.adopt(client, kind, id); }

  EngineDouble engine;
  docker_api::Client client;
  util::TaskGroup serving;
  Reaper::Time now{1h};
  Reaper reaper{settings()};
};

void with_scene(asio::awaitable<void> (*test)(Scene&)) {
  const auto whole = [test]() {
    return [](asio::awaitable<void> (*body)(Scene&)) -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      Scene scene{executor};
      co_await scene.client.connect();
      co_await body(scene);
      EXPECT_THAT(scene.engine.unknown, IsEmpty());
      co_await scene.end();
    }(test);
  };
  run_test(whole);
}

/// What is logged at warning and above while it lives.
class Warnings {
 public:
  Warnings() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
    spdlog::set_pattern("%v");
    spdlog::set_level(spdlog::level::warn);
  }
  ~Warnings() { spdlog::set_default_logger(before_); }
  int lines() const {
    const auto text = text_.str();
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }
  std::string text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
};

TEST(Reaper, E58_RemovesContainersThenVolumesThenNetworks) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /networks/n", {{204}});
    scene.engine.on("DELETE /volumes/v", {{204}});
    scene.engine.on("DELETE /containers/c1", {{204, "", false, 30ms}});
    scene.engine.on("DELETE /containers/c2", {{204}});
    scene.adopt(Kind::network, "n");
    scene.adopt(Kind::volume, "v");
    scene.adopt(Kind::container, "c1");
    scene.adopt(Kind::container, "c2");
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 0u);
    EXPECT_EQ(scene.reaper.removed(), 4u);
    EXPECT_EQ(scene.reaper.failures(), 0u);
    auto calls = scene.engine.calls();
    EXPECT_EQ(calls.size(), 4u);
    std::sort(calls.begin(), calls.begin() + 2);
    EXPECT_THAT(calls, ElementsAre("DELETE /containers/c1", "DELETE /containers/c2",
                                   "DELETE /volumes/v", "DELETE /networks/n"));
  });
}

TEST(Reaper, TakesGoneAndGoingForRemoved) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /containers/gone", {{404, "No such container: gone"}});
    scene.engine.on("DELETE /containers/going",
                    {{409, "removal of container going is already in progress"}});
    scene.engine.on("GET /containers/going/json", {{404, "No such container: going"}});
    scene.engine.on("DELETE /volumes/gone", {{404, "no such volume"}});
    scene.engine.on("DELETE /networks/gone", {{404, "network gone not found"}});
    scene.adopt(Kind::container, "gone");
    scene.adopt(Kind::container, "going");
    scene.adopt(Kind::volume, "gone");
    scene.adopt(Kind::network, "gone");
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 0u);
    EXPECT_EQ(scene.reaper.failures(), 0u);
  });
}

TEST(Reaper, KeepsAnObjectOnce) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    EXPECT_TRUE(scene.reaper.adopt(scene.client, Kind::container, "a"));
    EXPECT_FALSE(scene.reaper.adopt(scene.client, Kind::container, "a"));
    EXPECT_TRUE(scene.reaper.adopt(scene.client, Kind::volume, "a"));
    docker_api::Client other{co_await asio::this_coro::executor, scene.engine.endpoint()};
    EXPECT_TRUE(scene.reaper.adopt(other, Kind::container, "a"));
    EXPECT_EQ(scene.reaper.pending(), 3u);
  });
}

TEST(Reaper, TriesAgainLaterAndLater) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /volumes/v", {in_use, in_use, in_use, in_use, in_use, in_use, {204}});
    scene.adopt(Kind::volume, "v");
    co_await scene.reaper.drain();
    std::size_t tries = 1;
    const std::array pauses{30s, 60s, 120s, 240s, 300s};
    for (const auto pause : pauses) {
      scene.now += pause - 1s;
      co_await scene.reaper.drain();
      EXPECT_EQ(scene.engine.calls().size(), tries) << pause.count();
      scene.now += 1s;
      co_await scene.reaper.drain();
      EXPECT_EQ(scene.engine.calls().size(), ++tries) << pause.count();
    }
    EXPECT_EQ(scene.reaper.failures(), 6u);
    const auto objects = scene.reaper.objects();
    EXPECT_EQ(objects.size(), 1u);
    EXPECT_EQ(objects.at(0).object.id, "v");
    EXPECT_EQ(objects.at(0).tries, 6);
    EXPECT_THAT(objects.at(0).last_error, HasSubstr("volume is in use"));
    // The end of the process does not wait for its time.
    co_await scene.reaper.drain(Reaper::Which::all);
    EXPECT_EQ(scene.reaper.pending(), 0u);
    EXPECT_EQ(scene.reaper.failures(), 6u);
  });
}

TEST(Reaper, TriesAVolumeAgainWhenAContainerWent) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /volumes/v", {in_use, {204}});
    scene.engine.on("DELETE /networks/n", {{403, "network n has active endpoints"}, {204}});
    scene.engine.on("DELETE /containers/c", {{500, "driver failed to remove"}, {204}});
    scene.adopt(Kind::container, "c");
    scene.adopt(Kind::volume, "v");
    scene.adopt(Kind::network, "n");
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 3u);
    scene.now += 29s;
    scene.reaper.adopt(scene.client, Kind::container, "c");
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.failures(), 3u);
    scene.now += 1s;
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 0u);
  });
}

TEST(Reaper, LetsNoHangingObjectBlockTheOthers) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /containers/stuck", {hang});
    scene.engine.on("DELETE /containers/c", {{204}});
    scene.engine.on("DELETE /volumes/v", {{204}});
    scene.engine.on("DELETE /networks/n", {{204}});
    for (const auto* id : {"stuck", "c"}) scene.adopt(Kind::container, id);
    scene.adopt(Kind::volume, "v");
    scene.adopt(Kind::network, "n");
    // Time must go on for the Reaper to lose its patience.
    scene.now = std::chrono::steady_clock::now();
    auto settings = scene.settings();
    settings.now = std::chrono::steady_clock::now;
    Reaper reaper{settings};
    for (const auto& pending : scene.reaper.objects()) reaper.adopt(scene.client, pending.object);
    const auto begun = std::chrono::steady_clock::now();
    co_await reaper.drain();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
    const auto left = reaper.objects();
    EXPECT_EQ(left.size(), 1u);
    EXPECT_EQ(left.at(0).object.id, "stuck");
    EXPECT_EQ(reaper.removed(), 3u);
  });
}

TEST(Reaper, GivesUpOnAHangingEngineUntilTheNextDrain) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    for (int i = 0; i < 40; ++i) {
      const auto id = "c" + std::to_string(i);
      scene.engine.on("DELETE /containers/" + id, {hang});
      scene.adopt(Kind::container, id.c_str());
    }
    const auto begun = std::chrono::steady_clock::now();
    co_await scene.reaper.drain();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
    EXPECT_EQ(scene.reaper.pending(), 40u);
    EXPECT_LT(scene.reaper.failures(), 12u);
    EXPECT_GE(scene.engine.most_at_once, 8);
    // The Engine may notice late that calls were given up.
    EXPECT_LE(scene.engine.most_at_once, 16);
  });
}

TEST(Reaper, LeavesAnAbsentEngineAlone) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    net::Endpoint nowhere{net::Endpoint::Scheme::unix_socket, "/nonexistent/docker.sock", 0, {}};
    docker_api::Client away{executor, nowhere};
    for (int i = 0; i < 100; ++i)
      scene.reaper.adopt(away, Kind::container, "c" + std::to_string(i));
    scene.engine.on("DELETE /volumes/v", {{204}});
    scene.adopt(Kind::volume, "v");
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 100u);
    EXPECT_EQ(scene.reaper.removed(), 1u);
    EXPECT_LE(scene.reaper.failures(), 8u);
  });
}

TEST(Reaper, LosesNothingWhenCancelled) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    scene.engine.on("DELETE /containers/stuck", {hang, {204}});
    scene.engine.on("DELETE /volumes/v", {{204}});
    scene.adopt(Kind::container, "stuck");
    scene.adopt(Kind::volume, "v");
    util::TaskGroup draining{co_await asio::this_coro::executor};
    draining.start(scene.reaper.drain());
    co_await util::sleep_for(100ms);
    draining.cancel();
    co_await draining.join();
    EXPECT_EQ(scene.reaper.pending(), 2u);
    EXPECT_EQ(scene.reaper.failures(), 0u);
    co_await scene.reaper.drain();
    EXPECT_EQ(scene.reaper.pending(), 0u);
  });
}

TEST(Reaper, SaysAnErrorOnce) {
  with_scene([](Scene& scene) -> asio::awaitable<void> {
    Warnings log;
    const Answer other{500, "driver\nfailed" + std::string(1000, 'x')};
    scene.engine.on("DELETE /volumes/v", {in_use, in_use, in_use, other});
    scene.adopt(Kind::volume, "v");
    co_await scene.reaper.drain();
    EXPECT_EQ(log.lines(), 1);
    EXPECT_THAT(log.text(), HasSubstr("volume is in use"));
    scene.now += 31s;
    co_await scene.reaper.drain();
    EXPECT_EQ(log.lines(), 2);
    EXPECT_THAT(log.text(), HasSubstr("still to be removed objects=1 failed-removals=2"));
    scene.now += 61s;
    co_await scene.reaper.drain();
    EXPECT_EQ(log.lines(), 2) << log.text();
    scene.now += 200s;
    co_await scene.reaper.drain();
    EXPECT_EQ(log.lines(), 3) << log.text();
    EXPECT_THAT(log.text(), HasSubstr("driver failedxx"));
    const auto error = scene.reaper.objects().at(0).last_error;
    EXPECT_LT(error.size(), 400u);
    scene.now += 300s;
    co_await scene.reaper.drain();
    EXPECT_EQ(log.lines(), 4) << log.text();
  });
}

}  // namespace
}  // namespace slipway::executors
