#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <functional>

#include "docker_api/client.hpp"
#include "fake_engine.hpp"
#include "util/async.hpp"

namespace slipway::docker_api {
namespace {

using asio::local::stream_protocol;

const std::string upgraded =
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

std::string frame(char type, std::string_view payload) {
  std::string bytes{type, 0, 0, 0, 0, 0, 0, static_cast<char>(payload.size())};
  return bytes += payload;
}

std::string answer(const char* status, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", status,
                     body.size(), body);
}

/// Answers one connection after the other with raw bytes, in pieces with a pause between, then
/// closes it.
using RawScript = std::vector<std::vector<std::string>>;

asio::awaitable<void> serve(stream_protocol::acceptor& acceptor, const RawScript& script) {
  for (const auto& pieces : script) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::string request;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n",
                                    asio::use_awaitable);
    for (const auto& piece : pieces) {
      co_await asio::async_write(socket, asio::buffer(piece), asio::use_awaitable);
      co_await util::sleep_for(std::chrono::milliseconds{5});
    }
  }
}

void with_raw_engine(RawScript script, std::function<asio::awaitable<void>(Client&)> test) {
  const auto path =
      (std::filesystem::temp_directory_path() / fmt::format("slipway-raw-{}.sock", ::getpid()))
          .string();
  std::filesystem::remove(path);
  asio::io_context io;
  stream_protocol::acceptor acceptor{io, stream_protocol::endpoint{path}};
  net::Endpoint endpoint;
  endpoint.scheme = net::Endpoint::Scheme::unix_socket;
  endpoint.host = path;
  Client client{io.get_executor(), endpoint};
  int ended = 0;
  const auto on_end = [&](std::exception_ptr failure) {
    if (++ended == 2) io.stop();
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(io, serve(acceptor, script), on_end);
  asio::co_spawn(io, test(client), on_end);
  io.run_for(std::chrono::seconds{10});
  EXPECT_EQ(ended, 2) << "no end in time";
  std::filesystem::remove(path);
}

asio::awaitable<std::string> read_all(Client& client) {
  const auto attachment = co_await client.attach("c1", true);
  std::string text;
  const StreamParser::Sink sink = [&](StreamType type, std::string_view piece) {
    text += type == StreamType::err ? 'e' : 'o';
    text += piece;
  };
  while (true) {
    const bool more = co_await attachment->read(sink);
    if (!more) break;
  }
  co_return text;
}

TEST(Attach, E3_LosesNothingThatFollowsTheHeader) {
  const auto bytes = upgraded + frame(1, "one") + frame(2, "two");
  // In one write, cut within the header block, at its end, and within a frame.
  for (const std::size_t cut :
       {bytes.size(), std::size_t{10}, upgraded.size(), upgraded.size() + 3, bytes.size() - 1}) {
    SCOPED_TRACE(cut);
    const RawScript script{{bytes.substr(0, cut), bytes.substr(cut)}};
    with_raw_engine(script, [](Client& client) -> asio::awaitable<void> {
      const auto text = co_await read_all(client);
      EXPECT_THAT(text, testing::AnyOf("ooneetwo", "ooneetweo"));
    });
  }
}

TEST(Attach, TakesAnEndWithinAFrameAsTheEnd) {
  const auto bytes = upgraded + frame(1, "whole") + frame(1, "torn").substr(0, 10);
  with_raw_engine({{bytes}}, [](Client& client) -> asio::awaitable<void> {
    const auto text = co_await read_all(client);
    EXPECT_EQ(text, "owholeoto");
  });
}

TEST(Attach, PassesRefusalsOn) {
  const RawScript script{{answer("404 Not Found", R"({"message":"No such container: c1"})")},
                         {answer("200 OK", "plain")}};
  with_raw_engine(script, [](Client& client) -> asio::awaitable<void> {
    const auto missing = co_await engine_error(client.attach("c1", true));
    EXPECT_TRUE(missing.not_found());
    EXPECT_EQ(missing.message(), "No such container: c1");
    const auto plain = co_await engine_error(client.attach("c1", true));
    EXPECT_THAT(plain.message(), testing::HasSubstr("not upgraded"));
  });
}

TEST(Attach, ThrowsTheErrorOfTheDaemon) {
  const auto bytes = upgraded + frame(1, "out") + frame(3, "driver failed");
  with_raw_engine({{bytes}}, [](Client& client) -> asio::awaitable<void> {
    std::string what;
    try {
      co_await read_all(client);
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    EXPECT_EQ(what, "error from daemon in stream: driver failed");
  });
}

TEST(Exec, WaitsForTheExitCode) {
  const RawScript script{{answer("201 Created", R"({"Id":"e1"})")},
                         {upgraded + frame(1, "output")},
                         {answer("200 OK", R"({"Running":true,"ExitCode":null})")},
                         {answer("200 OK", R"({"Running":false,"ExitCode":5})")}};
  with_raw_engine(script, [](Client& client) -> asio::awaitable<void> {
    std::string output;
    const StreamParser::Sink sink = [&](StreamType, std::string_view piece) { output += piece; };
    std::vector<std::string> command{"true"};
    const auto code = co_await client.exec("c1", command, sink);
    EXPECT_EQ(code, 5);
    EXPECT_EQ(output, "output");
    EXPECT_EQ(client.calls(), 4u);
  });
}

TEST(Connection, ThatCannotBeMadeIsANetError) {
  asio::io_context io;
  net::Endpoint endpoint;
  endpoint.scheme = net::Endpoint::Scheme::unix_socket;
  endpoint.host = "/nonexistent/docker.sock";
  Client client{io.get_executor(), endpoint};
  std::string what;
  asio::co_spawn(io, client.connect(), [&](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const net::Error& e) {
      what = e.what();
    }
  });
  io.run_for(std::chrono::seconds{5});
  EXPECT_THAT(what, testing::AllOf(testing::HasSubstr("/nonexistent/docker.sock"),
                                   testing::HasSubstr("No such file")));
}

}  // namespace
}  // namespace slipway::docker_api
