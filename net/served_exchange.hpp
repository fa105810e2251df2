#pragma once

#include <memory>
#include <string>

#include "net/connection.hpp"
#include "net/encode.hpp"
#include "net/message.hpp"
#include "net/server.hpp"
#include "util/event.hpp"

namespace slipway::net {

/// The server's side of one exchange, between the head of the request and the end of its answer.
class ServedExchange final : public Exchange {
 public:
  /// `reader` has read the head. All references must outlive the exchange.
  ServedExchange(Connection& connection, MessageReader& reader, const ServerOptions& options,
                 std::string peer);

  const Request& request() const override { return request_; }
  std::string peer() const override { return peer_; }
  asio::awaitable<std::string> read_body(std::size_t max_body) override;
  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override;
  asio::awaitable<void> respond(Response response) override;
  asio::awaitable<void> begin(Response response) override;
  asio::awaitable<void> write(std::string_view data) override;
  asio::awaitable<void> finish() override;
  void drop() override;

  /// Returns when the peer has closed although its answer is not complete. Ends only then, or by
  /// cancellation.
  asio::awaitable<void> watch_peer();
  bool started() const { return state_ != State::fresh; }
  bool complete() const { return state_ == State::complete; }
  /// Reads and forgets what the handler left of the body, unless that is long.
  asio::awaitable<void> drain();
  /// Whether the next request may follow.
  bool keep_alive() const { return complete() && !close_; }

 private:
  enum class State { fresh, streaming, complete, dropped };

  Framing frame(const Response& response, std::optional<std::uint64_t> body_size);
  bool closes(const Response& response) const;
  bool long_rest() const;
  asio::awaitable<void> send(std::string_view data);
  void check_state(State expected, const char* what) const;

  Connection& connection_;
  MessageReader& reader_;
  const ServerOptions& options_;
  std::string peer_;
  Request request_;
  bool old_;  ///< HTTP/1.0
  bool expects_continue_;
  bool close_ = false;
  State state_ = State::fresh;
  Framing framing_;
  std::uint64_t left_ = 0;  ///< of a streamed answer with a length
  util::Event body_over_;
  util::Event never_;
};

}  // namespace slipway::net
