#include "docker_api/client.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "docker_api/client_impl.hpp"
#include "docker_api/json.hpp"
#include "docker_api/json_splitter.hpp"

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

asio::awaitable<net::Response> ping(Transport& transport) {
  std::optional<net::Response> answer;
  try {
    Call call{"HEAD /_ping", "/_ping", limits::query()};
    answer = co_await transport.send(std::move(call));
  } catch (const EngineError& e) {
    // Engines and proxies that do not know the HEAD form answer 404 or 405.
    if (e.status() >= 300 && e.status() < 400) throw;
  }
  if (!answer) {
    Call call{"GET /_ping", "/_ping", limits::query()};
    answer = co_await transport.send(std::move(call));
  }
  co_return std::move(*answer);
}

}  // namespace

asio::awaitable<void> read_objects(std::string_view call, net::ResponseStream& stream,
                                   std::function<void(const nlohmann::json&)> each) {
  JsonSplitter splitter{limits::max_object};
  const JsonSplitter::Sink sink = [&](std::string_view object) { decode(call, object, each); };
  std::vector<char> buffer(piece_size);
  while (true) {
    const auto size = co_await stream.read_some(std::span{buffer});
    if (size == 0) break;
    feed(call, splitter, {buffer.data(), size}, sink);
  }
  if (!splitter.complete())
    throw EngineError{std::string{call}, 0,
                      fmt::format("unexpected answer to {}: it ends within an object", call)};
}

asio::awaitable<std::optional<std::string>> read_body(net::ResponseStream& stream,
                                                      std::size_t max) {
  std::string body;
  std::vector<char> buffer(4 * piece_size);
  while (true) {
    const auto size = co_await stream.read_some(std::span{buffer});
    if (size == 0) break;
    if (body.size() + size > max) co_return std::nullopt;
    body.append(buffer.data(), size);
  }
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
  co_await read_objects(name, *stream, std::move(each));
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
  if (impl_->transport.version()) co_return;
  const auto pinned = pinned_version();
  const auto answer = co_await ping(impl_->transport);
  const auto version = negotiate(pinned, answer.headers.get("API-Version"));
  impl_->transport.set_version(version);
  impl_->version_text = version.text();
}

const std::string& Client::api_version() const {
  return impl_->version_text;
}

bool Client::supports(int major, int minor) const {
  return impl_->transport.version() >= ApiVersion{major, minor};
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
