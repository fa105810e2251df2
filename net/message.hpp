#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/connection.hpp"
#include "net/http.hpp"

namespace slipway::net {

/// Start line and fields of a received message.
struct Head {
  std::string method;
  std::string target;
  int status = 0;
  std::string reason;
  int version = 11;  ///< 10 or 11
  Headers headers;
};

/// HTTP/1.1 syntax without I/O: eats bytes, gives a head, then pieces of the body.
class Parser {
 public:
  struct Progress {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool want_more = false;
  };

  virtual ~Parser() = default;
  /// Parses the front of `input`; body bytes go to `out`. Stops after the head. What is not
  /// consumed must be offered again. \throws Error with Step::protocol (no HTTP) or Step::limit
  /// (head too large); `peer` is for the text.
  virtual Progress put(std::string_view input, std::span<char> out, const std::string& peer) = 0;
  /// The input ended. False when the message is not complete by that.
  virtual bool put_eof() = 0;
  virtual bool head_done() const = 0;
  virtual bool done() const = 0;
  /// Whether another message may follow on the same connection.
  virtual bool keep_alive() const = 0;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  /// How many bytes of body come next as they are; 0 where that is not known. May be read right
  /// into the `out` of a put(), whose `input` they are then.
  virtual std::uint64_t plain_body() const = 0;
  virtual Head& head() = 0;
};

std::unique_ptr<Parser> request_parser(std::size_t max_head);
/// \param no_body  the answer to HEAD, which announces a body that does not come.
std::unique_ptr<Parser> response_parser(std::size_t max_head, bool no_body);

/// Reads one message from a connection. Waits are limited by the connection's watchdog.
class MessageReader {
 public:
  MessageReader(Connection& connection, std::unique_ptr<Parser> parser)
      : connection_{connection}, parser_{std::move(parser)} {}

  /// False when the peer closed before the first byte. \throws Error.
  asio::awaitable<bool> read_head();
  /// The next piece of the body; 0 = end. \throws Error, also when the peer closes too early.
  asio::awaitable<std::size_t> read_body(std::span<char> out);
  const Parser& parser() const { return *parser_; }
  Head& head() { return parser_->head(); }

 private:
  asio::awaitable<std::size_t> read_plain(std::span<char> out);

  Connection& connection_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace slipway::net
