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
/// Engine's refusals as EngineError. A call that may take long is watched (see Liveness). Engines
/// come back changed: what each answer announces is compared with what is known. Must outlive its
/// calls. Cancellation: any kind; closes the connection that was used.
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

  /// Asks for a sign of life. \throws net::Error, EngineError. Engine API: HEAD /_ping.
  asio::awaitable<net::Response> ping();

  /// Closes the connections that wait for their next call.
  void close_idle() { http_.close_idle(); }

  /// Agrees on the version to speak with the Engine that answered with `headers`. `pinned`: see
  /// negotiate(). \throws as negotiate().
  void learn(std::string pinned, const net::Headers& headers);
  /// nullopt until learnt; calls then carry no version and the Engine takes its own.
  const std::optional<ApiVersion>& version() const { return version_; }
  /// The same as text; "" until learnt.
  const std::string& version_text() const { return version_text_; }
  /// Its header `Server`, "" before learn().
  const std::string& server() const { return server_; }
  /// Grows whenever the Engine may have become another one: an exchange failed, or an answer
  /// announced another version.
  std::uint64_t disturbances() const { return disturbances_; }
  /// To be told of every failed exchange, streams included. Throws `error` anew, with the call's
  /// name in its text.
  [[noreturn]] void lost(std::string_view call, const net::Error& error);
  std::uint64_t calls() const { return calls_; }

 private:
  net::Request request(Call& call);
  asio::awaitable<net::Response> attempt(Call call, net::BodySource* source);
  asio::awaitable<void> exchange(net::Request message, net::Limits limits, net::BodySource* source,
                                 net::Response& response);
  asio::awaitable<void> begin(net::Request message, net::Limits limits, net::BodySource* source,
                              std::unique_ptr<net::ResponseStream>& stream);
  asio::awaitable<void> switch_over(net::Request message, net::Limits limits,
                                    net::Upgrade& upgrade);
  asio::awaitable<void> guarded(std::string_view call, net::Limits limits,
                                asio::awaitable<void> work);
  asio::awaitable<void> ask(std::string_view name, net::Response& response);
  void observe(const net::Headers& headers);

  net::HttpClient http_;
  std::string prefix_;
  std::optional<ApiVersion> version_;
  std::string version_text_;
  std::string pinned_;
  std::string announced_;  ///< the headers of the Engine that version_ was agreed with
  std::string server_;
  std::uint64_t disturbances_ = 0;
  std::uint64_t calls_ = 0;
};

/// Throws EngineError with the Engine's own message unless `response` is 2xx or 304. Refusals of
/// other Engines get the status that Docker gives them; those of the version say what to do.
/// `pinned`: see negotiate().
void check(std::string_view call, const net::Response& response, std::string_view pinned = "");

/// One path segment, percent-encoded. \throws EngineError (400) for a name that would address
/// something else: empty, `.`, `..`.
std::string path_segment(std::string_view call, std::string_view name);
/// An image reference as a path: its slashes stay. \throws EngineError (400) as path_segment().
std::string image_path(std::string_view call, std::string_view reference);

}  // namespace slipway::docker_api
