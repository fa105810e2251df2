#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "docker_api/client.hpp"
#include "docker_api/limits.hpp"
#include "docker_api/transport.hpp"

namespace slipway::docker_api {

class Client::Impl {
 public:
  Impl(asio::any_io_executor executor, net::Endpoint endpoint, std::string prefix)
      : transport{std::move(executor), std::move(endpoint), std::move(prefix)} {}

  /// The version bodies are written for; that of the oldest Engine until it is known.
  ApiVersion version() const { return transport.version().value_or(minimum_version); }

  /// Sends; an Engine that knows no such object has done what was asked.
  asio::awaitable<void> send_unless_gone(Call call);
  /// Sends the call of a progress stream and reads it to its end. \throws EngineError for an error
  /// within.
  asio::awaitable<void> read_progress_stream(Call call, net::BodySource* source,
                                             std::function<void(const PullProgress&)> progress);
  /// Creates something by a JSON body and returns what the Engine says.
  asio::awaitable<net::Response> post_json(Call call, std::string body);

  Transport transport;
};

/// Hands each object of `stream`, the answer to `call`, to `each`, until the stream ends; an Engine
/// that is silent is asked for a sign of life. \throws EngineError (status 0) for what is no
/// sequence of JSON objects, net::Error, and what `each` throws. Cancellation: any kind.
asio::awaitable<void> read_objects(Transport& transport, std::string_view call,
                                   net::ResponseStream& stream,
                                   std::function<void(const nlohmann::json&)> each);

/// Reads at most `max` bytes of `stream`, the answer to `call`; nullopt when there are more. As
/// read_objects(). \throws net::Error.
asio::awaitable<std::optional<std::string>> read_body(Transport& transport, std::string_view call,
                                                      net::ResponseStream& stream, std::size_t max);

}  // namespace slipway::docker_api
