#pragma once

#include <memory>
#include <string>

#include "net/client.hpp"
#include "net/connection.hpp"
#include "net/encode.hpp"
#include "net/message.hpp"
#include "util/event.hpp"

namespace slipway::net {

/// What is sent in one exchange; repeated as it is on a fresh connection when the first one was
/// stale.
struct Outgoing {
  Request request;
  BodySource* source = nullptr;
  std::string host;
  std::string upgrade_protocol;
};

/// One exchange on one connection. A failed or cancelled call leaves a connection that cannot be
/// used again.
class Call {
 public:
  Call(std::unique_ptr<Connection> connection, const Limits& limits);

  /// Sends the request and reads the head of its answer, `whole`: and the body. An upload that does
  /// not fit in one write goes on beside the reading, so that an early answer is seen: a refusal
  /// (300 and above) ends the upload, any other answer waits for it (`whole`: is read meanwhile).
  /// A peer that answers and closes while something is still being sent has answered: the broken
  /// connection is an error only without an answer. `outgoing` must outlive the call. \throws
  /// Error.
  asio::awaitable<void> perform(const Outgoing& outgoing, bool whole);
  /// The head after perform(), and the body if it was `whole`.
  Response take_response() { return std::move(response_); }
  const Response& response() const { return response_; }
  /// The next piece of the body; 0 = end. \throws Error.
  asio::awaitable<std::size_t> read_some(std::span<char> buffer);
  bool body_ended() const { return reader_->parser().done(); }
  /// Reads what is left of the body into the response.
  asio::awaitable<void> read_rest();
  /// Limits::total ends with the head for streamed answers.
  void end_total() { connection_->watchdog().stop(Watchdog::total); }

  /// True when the failure was that of a peer that had closed a connection at rest: nothing came
  /// back, and not in time.
  bool found_peer_gone() const;
  /// The connection, when another exchange may follow on it, else null.
  std::unique_ptr<Connection> take_reusable();
  /// The connection as it is, for an upgraded stream.
  std::unique_ptr<Connection> take_connection() { return std::move(connection_); }

 private:
  asio::awaitable<void> sent_or_answered(asio::awaitable<void> exchange);
  asio::awaitable<void> write_small(std::string_view request);
  void note_send_failure(const Error& error);
  asio::awaitable<void> upload(const Outgoing& outgoing, std::string head);
  asio::awaitable<void> send_source(std::string head, BodySource& source);
  asio::awaitable<void> send_chunks(BodySource& source);
  asio::awaitable<void> write(std::string_view data);
  asio::awaitable<void> receive(bool upgrading, bool whole);
  asio::awaitable<void> receive_head(bool upgrading);
  void all_sent();

  std::unique_ptr<Connection> connection_;
  Limits limits_;
  std::unique_ptr<MessageReader> reader_;
  Response response_;
  std::uint64_t received_before_;
  bool head_only_ = false;
  bool close_asked_ = false;
  bool sent_ = false;
  std::exception_ptr send_failure_;
  util::Event sending_over_;
  util::Event never_;
};

}  // namespace slipway::net
