#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstdio>

#include "docker_api/error.hpp"
#include "engine_test.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;
using docker_api::Attachment;
using docker_api::Client;
using docker_api::EngineError;
using docker_api::Mount;
using docker_api::StreamParser;
using docker_api::StreamType;
using testing::HasSubstr;

class Containers : public EngineTest {};

TEST_F(Containers, RunAScriptFromStdin) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sh"});
    spec.name = "slipway-test-script";
    spec.open_stdin = true;
    spec.env = {"GREETING=hello"};
    const auto id = co_await engine.create_container(spec);
    auto details = co_await engine.inspect_container(id);
    EXPECT_EQ(details.status, "created");
    EXPECT_EQ(details.name, "slipway-test-script");
    EXPECT_THAT(details.env, testing::Contains("GREETING=hello"));
    const auto attachment = co_await engine.attach(id, true);
    co_await engine.start_container(id);
    co_await engine.start_container(id);
    co_await attachment->write("echo $GREETING; echo oh >&2; exit 3\n");
    std::string out;
    std::string err;
    const StreamParser::Sink sink = [&](StreamType type, std::string_view piece) {
      (type == StreamType::err ? err : out) += piece;
    };
    while (true) {
      const bool more = co_await attachment->read(sink);
      if (!more) break;
    }
    EXPECT_EQ(out, "hello\n");
    EXPECT_EQ(err, "oh\n");
    const auto result = co_await engine.wait_container(id);
    EXPECT_EQ(result.status_code, 3);
    details = co_await engine.inspect_container(id);
    EXPECT_EQ(details.exit_code, 3);
    EXPECT_FALSE(details.running);
    std::vector<std::string> labels{std::string{EngineTest::label} + "=1"};
    const auto listed = co_await engine.list_containers(labels);
    EXPECT_EQ(listed.size(), 1u);
    co_await engine.remove_container(id, false, true);
    co_await engine.remove_container(id, false, true);
    const auto missing = co_await refusal(engine.inspect_container(id));
    EXPECT_EQ(missing, 404);
  });
}

TEST_F(Containers, E3_ThatExitAtOnceLoseNoOutput) {
  run([](Client& engine) -> asio::awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      const auto text = "run " + std::to_string(i);
      auto spec = busybox({"echo", "-n", text});
      const auto finished = co_await run_container(engine, std::move(spec));
      EXPECT_EQ(finished.output, text);
      EXPECT_EQ(finished.exit_code, 0);
    }
  });
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (auto& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

asio::awaitable<void> write_all(Attachment& attachment, const std::string& data) {
  co_await attachment.write(data);
}

asio::awaitable<void> collect(Attachment& attachment, std::string& output) {
  output = co_await read_all(attachment);
}

TEST_F(Containers, CarryBothDirectionsAtOnce) {
  run([](Client& engine) -> asio::awaitable<void> {
    const auto input = pattern(5u << 20);
    auto spec = busybox({"head", "-c", std::to_string(input.size())});
    spec.open_stdin = true;
    const auto id = co_await engine.create_container(spec);
    const auto attachment = co_await engine.attach(id, true);
    co_await engine.start_container(id);
    std::string output;
    auto writing = write_all(*attachment, input);
    auto reading = collect(*attachment, output);
    co_await util::both(std::move(writing), std::move(reading));
    EXPECT_EQ(output.size(), input.size());
    EXPECT_TRUE(output == input);
    co_await engine.remove_container(id, true, true);
  });
}

TEST_F(Containers, AreKilledAndStopped) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sh", "-c", "trap 'exit 42' TERM; while :; do sleep 0.1; done"});
    const auto id = co_await engine.create_container(spec);
    const auto not_running = co_await refusal(engine.kill_container(id, "TERM"));
    EXPECT_EQ(not_running, 409);
    co_await engine.start_container(id);
    co_await util::sleep_for(300ms);
    co_await engine.kill_container(id, "TERM");
    auto result = co_await engine.wait_container(id);
    EXPECT_EQ(result.status_code, 42);
    co_await engine.start_container(id);
    co_await engine.kill_container(id, "KILL");
    result = co_await engine.wait_container(id);
    EXPECT_EQ(result.status_code, 137);
    co_await engine.start_container(id);
    co_await util::sleep_for(300ms);
    co_await engine.stop_container(id, 5);
    co_await engine.stop_container(id, 5);
    result = co_await engine.wait_container(id);
    EXPECT_EQ(result.status_code, 42);
    co_await engine.remove_container(id, false, true);
  });
}

asio::awaitable<void> wait_for_exit(Client& engine, std::string id, std::int64_t& code) {
  const auto result = co_await engine.wait_container(id, "next-exit");
  code = result.status_code;
}

asio::awaitable<void> start_soon(Client& engine, std::string id) {
  co_await util::sleep_for(300ms);
  co_await engine.start_container(id);
}

TEST_F(Containers, CanBeWaitedForBeforeTheirStart) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sh", "-c", "exit 9"});
    const auto id = co_await engine.create_container(std::move(spec));
    std::int64_t code = -1;
    auto waiting = wait_for_exit(engine, id, code);
    auto starting = start_soon(engine, id);
    co_await util::both(std::move(waiting), std::move(starting));
    EXPECT_EQ(code, 9);
    co_await engine.remove_container(id, true, true);
  });
}

TEST_F(Containers, AreRefusedInTheEnginesWords) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"true"});
    spec.image = "slipway-test.invalid/none:1";
    auto status = co_await refusal(engine.create_container(spec));
    EXPECT_EQ(status, 404);
    spec = busybox({"true"});
    spec.env = {"=x"};
    std::string message;
    try {
      co_await engine.create_container(spec);
    } catch (const EngineError& e) {
      status = e.status();
      message = e.what();
    }
    EXPECT_EQ(status, 400);
    EXPECT_THAT(message, HasSubstr("Error response from daemon: invalid environment variable"));
    spec = busybox({"/no/such/program"});
    const auto id = co_await engine.create_container(spec);
    status = co_await refusal(engine.start_container(id));
    EXPECT_EQ(status, 400);
    co_await engine.remove_container(id, true, true);
  });
}

TEST_F(Containers, KeepTheirLogs) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done; echo oh >&2"});
    spec.log_driver = "json-file";
    spec.log_options = {{"max-size", "1m"}};
    const auto id = co_await engine.create_container(spec);
    co_await engine.start_container(id);
    co_await engine.wait_container(id);
    auto logs = co_await engine.container_logs(id, false, -1, 1u << 20);
    EXPECT_THAT(logs, HasSubstr("line 1\nline 2\n"));
    EXPECT_THAT(logs, HasSubstr("oh\n"));
    logs = co_await engine.container_logs(id, false, 2, 1u << 20);
    EXPECT_EQ(std::count(logs.begin(), logs.end(), '\n'), 2);
    logs = co_await engine.container_logs(id, true, 1, 1u << 20);
    EXPECT_THAT(logs, testing::MatchesRegex("20[0-9][0-9]-.*Z (line 5|oh)\n"));
    logs = co_await engine.container_logs(id, false, -1, 6);
    EXPECT_EQ(logs.size(), 6u);
    co_await engine.remove_container(id, true, true);
    spec = busybox({"true"});
    const auto silent = co_await engine.create_container(spec);
    co_await engine.start_container(silent);
    co_await engine.wait_container(silent);
    const auto status = co_await refusal(engine.container_logs(silent, false, -1, 1000));
    EXPECT_EQ(status, 501);
    co_await engine.remove_container(silent, true, true);
  });
}

TEST_F(Containers, TakeAndGiveArchives) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec =
        busybox({"sh", "-c", "cat /data/sub/file /data/script; stat -c %a /data /data/sub"});
    spec.mounts = {{Mount::Kind::volume, "", "/data", false, {}}};
    const auto id = co_await engine.create_container(spec);
    docker_api::TarBuilder tar;
    tar.add_directory("data", 0777);
    tar.add_directory("data/sub", 0700);
    tar.add_file("data/sub/file", 0600, "content\n");
    tar.add_file("data/script", 0755, std::string(100'000, 's'));
    auto archive = tar.finish();
    co_await engine.put_archive(id, "/", std::move(archive));
    const auto stat = co_await engine.stat_path(id, "/data/script");
    EXPECT_EQ(stat.value_or(Client::PathStat{}).size, 100'000);
    EXPECT_EQ(stat.value_or(Client::PathStat{}).mode, 0100755u);
    const auto directory = co_await engine.stat_path(id, "/data");
    EXPECT_EQ(directory.value_or(Client::PathStat{}).mode, 040777u);
    const auto missing = co_await engine.stat_path(id, "/data/none");
    EXPECT_FALSE(missing.has_value());
    const auto back = co_await engine.get_archive(id, "/data/sub/file", 1u << 20);
    EXPECT_THAT(back, HasSubstr("content\n"));
    const auto too_big = co_await refusal(engine.get_archive(id, "/data/script", 1000));
    EXPECT_EQ(too_big, 0);
    const auto attachment = co_await engine.attach(id, false);
    co_await engine.start_container(id);
    const auto output = co_await read_all(*attachment);
    EXPECT_EQ(output, "content\n" + std::string(100'000, 's') + "777\n700\n");
    co_await engine.remove_container(id, true, true);
  });
}

TEST_F(Containers, RunCommandsByExec) {
  run([](Client& engine) -> asio::awaitable<void> {
    auto spec = busybox({"sleep", "60"});
    const auto id = co_await engine.create_container(std::move(spec));
    std::string output;
    const StreamParser::Sink sink = [&](StreamType, std::string_view piece) { output += piece; };
    std::vector<std::string> command{"sh", "-c", "echo out; sleep 0.1; echo err >&2; exit 5"};
    const auto stopped = co_await refusal(engine.exec(id, command, sink));
    EXPECT_EQ(stopped, 409);
    co_await engine.start_container(id);
    const auto code = co_await engine.exec(id, command, sink);
    EXPECT_EQ(code, 5);
    EXPECT_EQ(output, "out\nerr\n");
    co_await engine.remove_container(id, true, true);
  });
}

}  // namespace
}  // namespace slipway::tests
