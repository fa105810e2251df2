#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "docker_api/client_impl.hpp"
#include "docker_api/liveness.hpp"

namespace slipway::docker_api {

namespace {

constexpr std::string_view call_name = "GET /containers/{id}/logs";
constexpr std::size_t buffer_size = 16u << 10;
/// Enough for any text that is shown; more would only be read to be thrown away.
constexpr int last_lines = 10'000;

Call logs_call(const std::string& id, bool timestamps, int tail, bool follow,
               std::chrono::sys_seconds since = {}) {
  const auto lines = tail < 0 ? std::string{"all"} : fmt::format("{}", tail);
  const auto seconds = since.time_since_epoch().count();
  const auto from = seconds > 0 ? fmt::format("&since={}", seconds) : std::string{};
  return {
      call_name,
      fmt::format("/containers/{}/logs?stdout=1&stderr=1&timestamps={:d}&tail={}{}{}",
                  path_segment(call_name, id), timestamps, lines, follow ? "&follow=1" : "", from),
      limits::stream(follow ? limits::forever : limits::stream_idle)};
}

/// Hands the stream's output to `sink` until its end, or until `enough` says so.
asio::awaitable<void> read_stream(net::ResponseStream& stream, const StreamParser::Sink& sink,
                                  const std::function<bool()>& enough, Liveness* liveness) {
  StreamParser parser;
  std::vector<char> buffer(buffer_size);
  while (!enough()) {
    const auto size = co_await stream.read_some(std::span{buffer});
    if (size == 0) co_return;
    if (liveness != nullptr) liveness->heard();
    try {
      parser.feed({buffer.data(), size}, sink);
    } catch (const std::runtime_error& error) {
      // Such as a log file that the Engine cannot read: its error, for whoever asked.
      throw EngineError{std::string{call_name}, 200, error.what()};
    }
  }
}

}  // namespace

asio::awaitable<std::string> Client::container_logs(std::string id, bool timestamps, int tail,
                                                    std::size_t max_bytes) {
  auto call = logs_call(id, timestamps, tail, false);
  const auto stream = co_await impl_->transport.open(std::move(call));
  std::string output;
  const StreamParser::Sink sink = [&](StreamType, std::string_view piece) {
    output += piece.substr(0, max_bytes - output.size());
  };
  const std::function<bool()> enough = [&] { return output.size() >= max_bytes; };
  co_await read_stream(*stream, sink, enough, nullptr);
  co_return output;
}

asio::awaitable<std::string> Client::last_logs(std::string id, bool timestamps,
                                               std::size_t max_bytes) {
  auto call = logs_call(id, timestamps, last_lines, false);
  const auto stream = co_await impl_->transport.open(std::move(call));
  std::string output;
  const StreamParser::Sink sink = [&](StreamType, std::string_view piece) {
    output += piece;
    // Not at every piece: that would move the whole text each time.
    if (output.size() > 2 * max_bytes) output.erase(0, output.size() - max_bytes);
  };
  const std::function<bool()> enough = [] { return false; };
  co_await read_stream(*stream, sink, enough, nullptr);
  if (output.size() > max_bytes) output.erase(0, output.size() - max_bytes);
  co_return output;
}

asio::awaitable<void> Client::follow_logs(std::string id, bool timestamps, int tail,
                                          StreamParser::Sink sink, std::chrono::sys_seconds since) {
  auto call = logs_call(id, timestamps, tail, true, since);
  const auto stream = co_await impl_->transport.open(std::move(call));
  Liveness liveness{impl_->transport, call_name};
  const std::function<bool()> enough = [] { return false; };
  auto reading = read_stream(*stream, sink, enough, &liveness);
  co_await liveness.guard(std::move(reading));
}

}  // namespace slipway::docker_api
