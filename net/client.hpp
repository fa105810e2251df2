#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/endpoint.hpp"
#include "net/error.hpp"
#include "net/http.hpp"
#include "net/stream.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::net {

/// Limits of one exchange. Every wait on the peer has one; each defaults to what suits a local
/// Engine or a coordinator.
struct Limits {
  std::chrono::milliseconds connect{30'000};    ///< name lookup and TCP or Unix connect
  std::chrono::milliseconds handshake{10'000};  ///< TLS
  std::chrono::milliseconds head{
      600'000};  ///< request sent → response headers there (a long poll fits)
  std::chrono::milliseconds idle{60'000};      ///< between two pieces of a body, either way
  std::chrono::milliseconds total{3'600'000};  ///< the whole exchange
  std::size_t max_body =
      16u << 20;  ///< of a response kept in memory; more is an Error with Step::limit
};

/// Pulled body of a request, for uploads that do not fit in memory.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Total length if known: sent as Content-Length, else the body is chunked.
  virtual std::optional<std::uint64_t> size() const = 0;
  /// Fills the front of `buffer`; 0 = end.
  virtual asio::awaitable<std::size_t> read(std::span<char> buffer) = 0;
  /// Back to the start, for a repeated attempt.
  virtual void rewind() = 0;
};

/// A response whose body is pulled piece by piece. Destroyed before the end it closes its
/// connection; read to the end the connection goes back to the client's pool. Must not outlive the
/// client.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  /// Status and headers; `body` is empty.
  virtual const Response& head() const = 0;
  /// The next piece, at least one byte, 0 = end of the body. \throws Error (also when nothing comes
  /// within Limits::idle; pass idle = 0 for streams that may be silent for ever, such as events).
  /// Cancellation: any kind; closes the connection.
  virtual asio::awaitable<std::size_t> read_some(std::span<char> buffer) = 0;
};

/// Result of an upgrade (101), or the refusal as an ordinary response.
struct Upgrade {
  Response response;
  /// Null unless the status is 101. Bytes that followed the header block are read first.
  std::unique_ptr<ByteStream> stream;
};

/// An HTTP/1.1 client for one endpoint with a pool of kept-alive connections. Concurrent calls use
/// connections of their own. A request on a reused connection that the peer closed before it sent
/// anything is repeated once on a fresh one (only when it has no BodySource or the source rewinds).
/// No redirects, no retries beyond that: those are the caller's. Single-threaded; must outlive its
/// calls and ResponseStreams.
class HttpClient {
 public:
  HttpClient(asio::any_io_executor executor, Endpoint endpoint);
  ~HttpClient();

  const Endpoint& endpoint() const;

  /// Sends and reads the whole answer. `source`, when given, replaces request.body and must outlive
  /// the call. \throws Error. Cancellation: any kind; the connection is closed.
  asio::awaitable<Response> send(Request request, Limits limits = {}, BodySource* source = nullptr);

  /// As send(), but returns when the headers are there. Limits::total does not apply to reading the
  /// body.
  asio::awaitable<std::unique_ptr<ResponseStream>> open(Request request, Limits limits = {},
                                                        BodySource* source = nullptr);

  /// Sends with `Connection: Upgrade` and `Upgrade: <protocol>`. A 101 gives the raw stream, which
  /// belongs to the caller.
  asio::awaitable<Upgrade> upgrade(Request request, std::string protocol, Limits limits = {});

  /// The certificates by which the server was believed when it was connected to last, as PEM, its
  /// own first; "" without TLS.
  const std::string& server_chain() const;
  /// Closes idle connections (new ones are made with new TLS state).
  void close_idle();
  /// Number of connections opened so far: for tests and the bench.
  std::uint64_t connections_opened() const;
  /// Number of exchanges started so far.
  std::uint64_t exchanges() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::net
