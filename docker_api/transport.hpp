#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "docker_api/version.hpp"
#include "net/client.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::docker_api {

/// One call of the Engine API. `name` is its documented name (`POST /containers/{id}/start`): a
/// literal, whose first word is the method; error texts show it, and never the target, headers or
/// body.
struct Call {
  std::string_view name;
  std::string target;  ///< path after the version, and query
  net::Limits limits;
  net::Headers headers{};
  std::string body{};
};

/// Sends calls to one Engine: version and base path before the target, call counting, and the
/// Engine's refusals as EngineError. Must outlive its calls. Cancellation: any kind; closes the
/// connection that was used.
class Transport {
 public:
  Transport(asio::any_io_executor executor, net::Endpoint endpoint, std::string prefix);

  /// \throws EngineError for every status but 2xx and 304 (whose meaning is the caller's),
  /// net::Error.
  asio::awaitable<net::Response> send(Call call, net::BodySource* source = nullptr);
  /// As send(), with the body to be pulled.
  asio::awaitable<std::unique_ptr<net::ResponseStream>> open(Call call,
                                                             net::BodySource* source = nullptr);
  /// Turns the connection into a raw stream. \throws EngineError also when the Engine answers
  /// without switching.
  asio::awaitable<std::unique_ptr<net::ByteStream>> upgrade(Call call);

  void set_version(ApiVersion version);
  /// nullopt until set; calls then carry no version and the Engine takes its own.
  const std::optional<ApiVersion>& version() const { return version_; }
  std::uint64_t calls() const { return calls_; }

 private:
  net::Request request(Call& call);

  net::HttpClient http_;
  std::string prefix_;
  std::optional<ApiVersion> version_;
  std::uint64_t calls_ = 0;
};

/// Throws EngineError with the Engine's own message unless `response` is 2xx or 304.
void check(std::string_view call, const net::Response& response);

/// One path segment, percent-encoded. \throws EngineError (400) for a name that would address
/// something else: empty, `.`, `..`.
std::string path_segment(std::string_view call, std::string_view name);
/// An image reference as a path: its slashes stay. \throws EngineError (400) as path_segment().
std::string image_path(std::string_view call, std::string_view reference);

}  // namespace slipway::docker_api
