#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/error.hpp"
#include "net/stream.hpp"
#include "net/watchdog.hpp"

namespace slipway::net {

/// The bytes of one socket, plain or through TLS. Buffers and `error` must outlive the operation.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Socket& socket() = 0;
  virtual asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer,
                                                 boost::system::error_code& error) = 0;
  virtual asio::awaitable<std::size_t> write_some(asio::const_buffer data,
                                                  boost::system::error_code& error) = 0;
  virtual std::string verified_chain() const { return ""; }
  /// Tells the peer that nothing more will be written; over TLS it also waits for the peer's word.
  virtual asio::awaitable<void> end(boost::system::error_code& error) = 0;
};

std::unique_ptr<Transport> plain_transport(Socket socket);

/// A connected peer: what HTTP is spoken over, and what is left after an upgrade. Holds what was
/// read too far. Errors are net::Error naming the peer; an operation cancelled by its caller ends
/// with operation_aborted.
class Connection final : public ByteStream {
 public:
  /// \param peer  for messages, without credentials.
  Connection(std::unique_ptr<Transport> transport, std::string peer);

  asio::awaitable<std::size_t> read_some(std::span<char> buffer) override;
  asio::awaitable<void> write(std::string_view data) override;
  void close() override;

  /// Sends the end of our side, then waits at most `limit` for that of the peer, throwing away up
  /// to `max_bytes`: a close with unread input would make the kernel withdraw an answer that the
  /// peer has not read yet.
  asio::awaitable<void> linger(std::chrono::milliseconds limit, std::size_t max_bytes);

  /// What was read and not yet consumed.
  std::string_view input() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) { begin_ += bytes; }
  /// Reads more behind input(); false when the peer closed. \throws Error with Step::limit when 128
  /// KiB wait unconsumed.
  asio::awaitable<bool> fill();
  /// Bytes received so far.
  std::uint64_t received() const { return received_; }
  /// TLS only: the peer closed without saying so; what ended there may have been cut by an
  /// attacker.
  bool truncated() const { return truncated_; }

  /// For a connection at rest: whether it is closed, or holds bytes nobody asked for. Does not
  /// wait.
  bool is_stale();
  /// Whether the peer closed its side, even behind unread bytes. Does not wait.
  bool peer_closed();
  /// Returns when there is something to read or the peer closed; false when this side closed.
  asio::awaitable<bool> wait_readable();

  /// TLS as a client: the certificates by which the peer was believed, as PEM, from its own to the
  /// root; "" otherwise.
  std::string verified_chain() const { return transport_->verified_chain(); }
  /// The socket without what was spoken over it, for a plain connection with nothing left in
  /// input(): the object is of no further use.
  Socket take_socket();

  Watchdog& watchdog() { return watchdog_; }
  const std::string& peer() const { return peer_; }

 private:
  [[noreturn]] void fail(Step step, const boost::system::error_code& error) const;
  asio::awaitable<std::size_t> receive(asio::mutable_buffer buffer);

  std::unique_ptr<Transport> transport_;
  std::string peer_;
  Watchdog watchdog_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t received_ = 0;
  bool truncated_ = false;
};

/// `<verb> <peer>: <cause>`, e.g. `receive from 127.0.0.1:8929: connection reset by peer`.
std::string describe(Step step, std::string_view peer, std::string_view cause);

}  // namespace slipway::net
