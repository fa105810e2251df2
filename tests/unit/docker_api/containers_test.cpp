#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "docker_api/error.hpp"
#include "fake_engine.hpp"
#include "net/http.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(CreateContainer, SendsNameAndPlatformInTheQuery) {
  const FakeEngine::Script script{
      {"POST /v1.41/containers/create", {{201, R"({"Id":"c1","Warnings":["w"]})"}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.connect();
    ContainerSpec spec;
    spec.name = "runner-1 a";
    spec.platform = "linux/arm64";
    spec.image = "busybox";
    const auto id = co_await client.create_container(spec);
    EXPECT_EQ(id, "c1");
    const auto& request = engine.requests().back();
    EXPECT_EQ(net::query_parameter(request.target, "name"), "runner-1 a");
    EXPECT_EQ(net::query_parameter(request.target, "platform"), "linux/arm64");
    EXPECT_EQ(request.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(nlohmann::json::parse(request.body), nlohmann::json::parse(
                                                       R"({"Image":"busybox","HostConfig":{
        "RestartPolicy":{"Name":"no"}}})"));
  });
}

TEST(StartAndStop, TakeNotModifiedAsSuccess) {
  const FakeEngine::Script script{{"POST /containers/c1/start", {{304}}},
                                  {"POST /containers/c1/stop", {{304}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.start_container("c1");
    co_await client.stop_container("c1", 7);
    co_await client.stop_container("c1", std::nullopt);
    EXPECT_EQ(engine.requests().at(1).target, "/containers/c1/stop?t=7");
    EXPECT_EQ(engine.requests().at(2).target, "/containers/c1/stop");
  });
}

TEST(WaitContainer, TakesTheStatusAndTheError) {
  Answer answer;
  answer.pieces = {R"({"Error":{"Message":"oh"},)", R"("StatusCode":137})"};
  with_engine({{"POST /containers/c1/wait", {answer}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                const auto result = co_await client.wait_container("c1", "next-exit");
                EXPECT_EQ(result.status_code, 137);
                EXPECT_EQ(result.error, "oh");
                EXPECT_EQ(engine.requests().at(0).target,
                          "/containers/c1/wait?condition=next-exit");
              });
}

TEST(RemoveContainer, TakesAMissingOneAsRemoved) {
  const Answer missing{404, R"({"message":"No such container: c1"})"};
  const FakeEngine::Script script{{"DELETE /containers/c1", {missing}},
                                  {"DELETE /volumes/v", {missing}},
                                  {"DELETE /networks/n", {missing}},
                                  {"DELETE /images/i", {missing}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.remove_container("c1", true, true);
    EXPECT_EQ(engine.requests().at(0).target, "/containers/c1?force=1&v=1");
    co_await client.remove_volume("v", false);
    co_await client.remove_network("n");
    const auto error = co_await engine_error(client.remove_image("i", false));
    EXPECT_TRUE(error.not_found());
  });
}

TEST(RemoveContainer, WaitsForARemovalInProgress) {
  const Answer busy{409, R"({"message":"removal of container c1 is already in progress"})"};
  const Answer there{200, R"({"Id":"c1","State":{"Status":"removing"}})"};
  const Answer missing{404, R"({"message":"No such container: c1"})"};
  const FakeEngine::Script script{{"DELETE /containers/c1", {busy}},
                                  {"GET /containers/c1/json", {there, there, missing}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    co_await client.remove_container("c1", true, true);
    EXPECT_EQ(engine.requests().size(), 4u);
    EXPECT_EQ(client.calls(), 4u);
  });
}

TEST(RemoveContainer, PassesOtherConflictsOn) {
  const Answer running{409, R"({"message":"You cannot remove a running container c1"})"};
  with_engine({{"DELETE /containers/c1", {running}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                const auto error =
                    co_await engine_error(client.remove_container("c1", false, false));
                EXPECT_TRUE(error.conflict());
                EXPECT_THAT(error.message(), HasSubstr("running container"));
              });
}

std::string frame(char type, std::string_view payload) {
  std::string bytes{type, 0, 0, 0, 0, 0, 0, static_cast<char>(payload.size())};
  return bytes += payload;
}

TEST(ContainerLogs, AreDemultiplexedAndBounded) {
  Answer answer;
  answer.pieces = {frame(1, "one\n") + frame(2, "two\n").substr(0, 5),
                   frame(2, "two\n").substr(5) + frame(1, "three\n")};
  with_engine({{"GET /containers/c1/logs", {answer}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                auto logs = co_await client.container_logs("c1", true, 50, 1000);
                EXPECT_EQ(logs, "one\ntwo\nthree\n");
                logs = co_await client.container_logs("c1", false, -1, 6);
                EXPECT_EQ(logs, "one\ntw");
                EXPECT_THAT(engine.requests().at(0).target, HasSubstr("timestamps=1&tail=50"));
                EXPECT_THAT(engine.requests().at(1).target, HasSubstr("timestamps=0&tail=all"));
              });
}

TEST(ContainerLogs, TheLastBytesAreKept) {
  Answer answer;
  for (int i = 0; i < 100; ++i) answer.pieces.push_back(frame(1, std::string(100, 'x')));
  answer.pieces.push_back(frame(2, "the end\n"));
  with_engine({{"GET /containers/c1/logs", {answer}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                const auto logs = co_await client.last_logs("c1", true, 108);
                EXPECT_EQ(logs, std::string(100, 'x') + "the end\n");
                const auto all = co_await client.last_logs("c1", true, 1u << 20);
                EXPECT_EQ(all.size(), 10'008u);
              });
}

TEST(ContainerLogs, AnErrorInTheStreamIsTheEngines) {
  Answer answer;
  answer.pieces = {frame(1, "one\n"), frame(3, "invalid character")};
  with_engine({{"GET /containers/c1/logs", {answer}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                std::string message;
                try {
                  co_await client.last_logs("c1", true, 1000);
                } catch (const EngineError& error) {
                  message = error.message();
                }
                EXPECT_EQ(message, "error from daemon in stream: invalid character");
              });
}

TEST(ContainerLogs, E45_AreFollowedUntilTheContainerEndsOrNobodyWantsThem) {
  Answer ending;
  ending.pieces = {frame(1, "one\n"), frame(2, "two\n")};
  auto endless = ending;
  endless.end = Answer::End::hang;
  with_engine({{"GET /containers/c1/logs", {ending}}, {"GET /containers/c2/logs", {endless}}},
              [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
                std::string output;
                const StreamParser::Sink sink = [&output](StreamType type, std::string_view piece) {
                  output += (type == StreamType::err ? "E:" : "O:") + std::string{piece};
                };
                co_await client.follow_logs("c1", true, -1, sink);
                EXPECT_EQ(output, "O:one\nE:two\n");
                EXPECT_THAT(engine.requests().at(0).target, Not(HasSubstr("since")));
                const std::chrono::sys_seconds since{1'700'000'000s};
                co_await client.follow_logs("c1", true, -1, sink, since);
                EXPECT_THAT(engine.requests().at(1).target,
                            HasSubstr("&tail=all&follow=1&since=1700000000"));
                EXPECT_THAT(engine.requests().at(0).target,
                            HasSubstr("stdout=1&stderr=1&timestamps=1&tail=all&follow=1"));
                output.clear();
                bool timed_out = false;
                try {
                  auto following = client.follow_logs("c2", true, 0, sink);
                  co_await util::with_timeout(std::move(following), 200ms);
                } catch (const util::TimeoutError&) {
                  timed_out = true;
                }
                EXPECT_TRUE(timed_out);
                EXPECT_EQ(output, "O:one\nE:two\n");
              });
}

TEST(Exec, TakesPodmansAnswerAsAConflict) {
  const Answer podman{
      500, R"({"message":"can only create exec sessions on running containers: state improper"})"};
  with_engine({{"POST /containers/c1/exec", {podman}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                std::vector<std::string> command{"true"};
                const StreamParser::Sink ignore = [](StreamType, std::string_view) {};
                const auto error = co_await engine_error(client.exec("c1", command, ignore));
                EXPECT_TRUE(error.conflict());
              });
}

TEST(Archive, StatReadsTheHeader) {
  const net::Headers found{
      {"X-Docker-Container-Path-Stat", "eyJuYW1lIjoiZiIsInNpemUiOjQyLCJtb2RlIjo0MjB9"}};
  const FakeEngine::Script script{
      {"HEAD /containers/c1/archive", {{200, "", found}, {404}, {200}}}};
  with_engine(script, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
    const auto stat = co_await client.stat_path("c1", "/a b");
    EXPECT_EQ(stat.value().size, 42);
    EXPECT_EQ(engine.requests().at(0).target, "/containers/c1/archive?path=%2Fa%20b");
    const auto missing = co_await client.stat_path("c1", "/x");
    EXPECT_FALSE(missing.has_value());
    const auto odd = co_await engine_error(client.stat_path("c1", "/x"));
    EXPECT_EQ(odd.status(), 0);
  });
}

TEST(Archive, GetIsBounded) {
  with_engine({{"GET /containers/c1/archive", {{200, std::string(2000, 't')}}}},
              [](Client& client, FakeEngine&) -> asio::awaitable<void> {
                const auto tar = co_await client.get_archive("c1", "/", 2000);
                EXPECT_EQ(tar.size(), 2000u);
                const auto error = co_await engine_error(client.get_archive("c1", "/", 1999));
                EXPECT_THAT(error.message(), HasSubstr("above 1999 bytes"));
              });
}

TEST(Events, AreHandedOutUntilTheStreamEnds) {
  Answer answer;
  answer.pieces = {R"({"Type":"container","Action":"st)", "art\"}\n{\"Action\":\"die\"}\n"};
  with_engine(
      {{"GET /events", {answer}}}, [](Client& client, FakeEngine& engine) -> asio::awaitable<void> {
        std::string actions;
        std::function<void(const EngineEvent&)> sink = [&actions](const EngineEvent& event) {
          actions += event.action + ";";
        };
        std::vector<std::string> labels{"io.slipway.state=1"};
        std::string what;
        try {
          co_await client.watch_events(labels, sink);
        } catch (const net::Error& e) {
          what = e.what();
        }
        EXPECT_EQ(actions, "start;die;");
        EXPECT_THAT(what, HasSubstr("ended the stream of events"));
        EXPECT_EQ(net::query_parameter(engine.requests().at(0).target, "filters"),
                  R"({"label":["io.slipway.state=1"]})");
      });
}

TEST(Waits, EndWhenCancelled) {
  Answer silent;
  silent.end = Answer::End::hang;
  const FakeEngine::Script script{{"POST /containers/c1/wait", {silent}},
                                  {"GET /events", {silent}}};
  with_engine(script, [](Client& client, FakeEngine&) -> asio::awaitable<void> {
    int timeouts = 0;
    try {
      auto wait = client.wait_container("c1");
      co_await util::with_timeout(std::move(wait), 200ms);
    } catch (const util::TimeoutError&) {
      ++timeouts;
    }
    try {
      std::vector<std::string> labels;
      std::function<void(const EngineEvent&)> sink = [](const EngineEvent&) {};
      auto watch = client.watch_events(std::move(labels), std::move(sink));
      co_await util::with_timeout(std::move(watch), 200ms);
    } catch (const util::TimeoutError&) {
      ++timeouts;
    }
    EXPECT_EQ(timeouts, 2);
  });
}

}  // namespace
}  // namespace slipway::docker_api
