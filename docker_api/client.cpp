#include "docker_api/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "docker_api/json_splitter.hpp"
#include "docker_api/liveness.hpp"

namespace slipway::docker_api {
namespace {

constexpr std::size_t piece_size = 16u << 10;

void feed(std::string_view call, JsonSplitter& splitter, std::string_view bytes,
          const JsonSplitter::Sink& sink) {
  try {
    splitter.feed(bytes, sink);
  } catch (const MalformedStream& e) {
    throw EngineError{std::string{call}, 0,
                      fmt::format("unexpected answer to {}: {}", call, e.what())};
  }
}

std::string pinned_version() {
  const char* pinned = std::getenv("DOCKER_API_VERSION");
  return pinned == nullptr ? "" : pinned;
}

/// The waits of read_objects().
asio::awaitable<void> read_all_objects(std::string_view call, net::ResponseStream& stream,
                                       const std::function<void(const nlohmann::json&)>& each,
                                       Liveness& liveness) {
  JsonSplitter splitter{limits::max_object};
  const JsonSplitter::Sink sink = [&](std::string_view object) { decode(call, object, each); };
  std::vector<char> buffer(piece_size);
  while (true) {
    const auto size = co_await stream.read_some(std::span{buffer});
    if (size == 0) break;
    liveness.heard();
    feed(call, splitter, {buffer.data(), size}, sink);
  }
  if (!splitter.complete())
    throw EngineError{std::string{call}, 0,
                      fmt::format("unexpected answer to {}: it ends within an object", call)};
}

/// The waits of read_body(); one byte more than `max` says that there are more.
asio::awaitable<void> read_all(net::ResponseStream& stream, std::size_t max, std::string& body,
                               Liveness& liveness) {
  std::vector<char> buffer(4 * piece_size);
  while (body.size() <= max) {
    const auto size = co_await stream.read_some(std::span{buffer});
    if (size == 0) break;
    liveness.heard();
    body.append(buffer.data(), std::min(size, max + 1 - body.size()));
  }
}

}  // namespace

asio::awaitable<void> read_objects(Transport& transport, std::string_view call,
                                   net::ResponseStream& stream,
                                   std::function<void(const nlohmann::json&)> each) {
  Liveness liveness{transport, call};
  auto reading = read_all_objects(call, stream, each, liveness);
  co_await liveness.guard(std::move(reading));
}

asio::awaitable<std::optional<std::string>> read_body(Transport& transport, std::string_view call,
                                                      net::ResponseStream& stream,
                                                      std::size_t max) {
  std::string body;
  Liveness liveness{transport, call};
  auto reading = read_all(stream, max, body, liveness);
  co_await liveness.guard(std::move(reading));
  if (body.size() > max) co_return std::nullopt;
  co_return body;
}

asio::awaitable<void> Client::Impl::send_unless_gone(Call call) {
  try {
    co_await transport.send(std::move(call));
  } catch (const EngineError& e) {
    if (!e.not_found()) throw;
  }
}

asio::awaitable<void> Client::Impl::read_progress_stream(
    Call call, net::BodySource* source, std::function<void(const PullProgress&)> progress) {
  const auto name = call.name;
  const auto stream = co_await transport.open(std::move(call), source);
  std::function<void(const nlohmann::json&)> each = [&](const nlohmann::json& object) {
    check_progress(name, object);
    if (progress) progress(read_progress(object));
  };
  co_await read_objects(transport, name, *stream, std::move(each));
}

asio::awaitable<net::Response> Client::Impl::post_json(Call call, std::string body) {
  call.headers.set("Content-Type", "application/json");
  call.body = std::move(body);
  co_return co_await transport.send(std::move(call));
}

Client::Client(asio::any_io_executor executor, net::Endpoint endpoint, std::string prefix)
    : impl_{std::make_unique<Impl>(std::move(executor), std::move(endpoint), std::move(prefix))} {}

Client::~Client() = default;

asio::awaitable<void> Client::connect() {
  if (!impl_->transport.version()) co_await reconnect();
}

asio::awaitable<void> Client::reconnect() {
  auto pinned = pinned_version();
  // An Engine that is being stopped goes on answering on connections that it had.
  impl_->transport.close_idle();
  const auto answer = co_await impl_->transport.ping();
  impl_->transport.learn(std::move(pinned), answer.headers);
}

std::uint64_t Client::disturbances() const {
  return impl_->transport.disturbances();
}

const std::string& Client::api_version() const {
  return impl_->transport.version_text();
}

bool Client::supports(int major, int minor) const {
  return impl_->transport.version() >= ApiVersion{major, minor};
}

bool Client::labels_mounted_volumes() const {
  return !impl_->transport.server().starts_with("Libpod");
}

asio::awaitable<Info> Client::info() {
  Call call{"GET /info", "/info", limits::query()};
  const auto response = co_await impl_->transport.send(std::move(call));
  co_return decode_as("GET /info", response.body, read_info);
}

std::uint64_t Client::calls() const {
  return impl_->transport.calls();
}

}  // namespace slipway::docker_api
