#include "tests/integration/test_registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "executors/docker/names.hpp"
#include "util/async.hpp"

namespace slipway::tests {
namespace {

using namespace std::chrono_literals;

constexpr auto manifest_type = "application/vnd.docker.distribution.manifest.v2+json";
constexpr auto config_type = "application/vnd.docker.container.image.v1+json";
constexpr auto layer_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr std::string_view range_unit = "bytes=";
constexpr int slow_pieces = 20;
constexpr auto slow_pause = 100ms;

std::string digest(std::string_view bytes) {
  return "sha256:" + executors::docker::digest_hex("SHA256", bytes);
}

net::Response refusal(int status, const char* code, const char* message) {
  const nlohmann::json body{{"errors", {{{"code", code}, {"message", message}}}}};
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  if (status == 401) response.headers.set("WWW-Authenticate", "Basic realm=\"test\"");
  response.body = body.dump();
  return response;
}

net::Response content(std::string_view type, std::string_view digest_text, std::string_view bytes) {
  net::Response response;
  response.status = 200;
  response.headers.set("Content-Type", std::string{type});
  response.headers.set("Docker-Content-Digest", std::string{digest_text});
  response.body = bytes;
  return response;
}

}  // namespace

TestRegistry::TestRegistry(asio::any_io_executor executor)
    : server_{std::move(executor), [this](net::Exchange& exchange) { return serve(exchange); }} {}

std::string TestRegistry::listen(const std::string& address, std::uint16_t port) {
  net::Endpoint endpoint;
  endpoint.host = address;
  endpoint.port = port;
  return fmt::format("{}:{}", address, server_.listen(endpoint));
}

void TestRegistry::add(const std::string& repository, std::string layer, Behaviour behaviour) {
  Image image;
  image.layer_digest = digest(layer);
  const nlohmann::json config{
      {"architecture", "amd64"},
      {"os", "linux"},
      {"config", {{"Cmd", {"sh"}}, {"Env", {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", {image.layer_digest}}}}};
  image.config = config.dump();
  image.config_digest = digest(image.config);
  const nlohmann::json manifest{
      {"schemaVersion", 2},
      {"mediaType", manifest_type},
      {"config",
       {{"mediaType", config_type},
        {"size", image.config.size()},
        {"digest", image.config_digest}}},
      {"layers",
       {{{"mediaType", layer_type}, {"size", layer.size()}, {"digest", image.layer_digest}}}}};
  image.manifest = manifest.dump();
  image.layer = std::move(layer);
  image.behaviour = behaviour;
  if (behaviour == Behaviour::mismatch) image.layer[image.layer.size() / 2] ^= 1;
  images_[repository] = std::move(image);
}

asio::awaitable<void> TestRegistry::hold() {
  ++holding_;
  while (!released_) co_await util::sleep_for(20ms);
  --holding_;
}

/// GET or HEAD of /v2/, /v2/<repository>/manifests/<reference>, /v2/<repository>/blobs/<digest>.
asio::awaitable<void> TestRegistry::serve(net::Exchange& exchange) {
  ++requests_;
  const auto& target = exchange.request().target;
  if (target == "/v2/") {
    net::Response response;
    response.status = 200;
    response.headers.set("Docker-Distribution-Api-Version", "registry/2.0");
    co_await exchange.respond(std::move(response));
    co_return;
  }
  const auto end = target.rfind('/', target.rfind('/') - 1);
  const auto found = end > 4 ? images_.find(target.substr(4, end - 4)) : images_.end();
  if (found == images_.end()) {
    auto response = refusal(404, "NAME_UNKNOWN", "repository name not known to registry");
    co_await exchange.respond(std::move(response));
    co_return;
  }
  auto& image = found->second;
  if (image.behaviour == Behaviour::unauthorized) {
    auto response = refusal(401, "UNAUTHORIZED", "authentication required");
    co_await exchange.respond(std::move(response));
  } else if (target.find("/manifests/") != std::string::npos) {
    co_await serve_manifest(exchange, image);
  } else if (target.ends_with(image.layer_digest)) {
    co_await serve_layer(exchange, image);
  } else {
    auto response = content(config_type, image.config_digest, image.config);
    co_await exchange.respond(std::move(response));
  }
}

asio::awaitable<void> TestRegistry::serve_manifest(net::Exchange& exchange, const Image& image) {
  if (image.behaviour == Behaviour::silent) co_await hold();
  auto response = image.behaviour == Behaviour::absent
                      ? refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
                      : content(manifest_type, digest(image.manifest), image.manifest);
  co_await exchange.respond(std::move(response));
}

/// All of it, or what follows the first byte of a `Range: bytes=<first>-`.
asio::awaitable<void> TestRegistry::serve_layer(net::Exchange& exchange, Image& image) {
  ++layer_requests_;
  const std::string_view layer = image.layer;
  const auto size = layer.size();
  const auto range = exchange.request().headers.get("Range");
  std::size_t at = 0;
  net::Response head;
  head.status = 200;
  if (range.starts_with(range_unit)) {
    at = std::min<std::size_t>(std::strtoull(range.c_str() + range_unit.size(), nullptr, 10), size);
    head.status = 206;
    head.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", at, size - 1, size));
  }
  head.headers.set("Content-Type", layer_type);
  head.headers.set("Content-Length", std::to_string(size - at));
  co_await exchange.begin(std::move(head));
  const auto piece = size / slow_pieces + 1;
  for (; at < size; at += piece) {
    const bool once = image.behaviour == Behaviour::drop_once;
    if (at > size / 2 && (image.behaviour == Behaviour::drop || once)) {
      if (once) image.behaviour = Behaviour::serve;
      exchange.drop();
      co_return;
    }
    if (at > size / 2 && image.behaviour == Behaviour::stall) co_await hold();
    if (image.behaviour == Behaviour::slow) co_await util::sleep_for(slow_pause);
    co_await exchange.write(layer.substr(at, piece));
  }
  co_await exchange.finish();
}

}  // namespace slipway::tests
