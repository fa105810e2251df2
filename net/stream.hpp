#pragma once

#include <span>
#include <string_view>

#include "util/asio_fwd.hpp"

namespace slipway::net {

/// A connected two-way byte stream: TCP, TLS or Unix socket, also after an HTTP upgrade.
/// Destruction closes it. One read and one write may be under way at once, not more.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Reads at least one byte; 0 means the peer closed. \throws net::Error.
  /// Cancellation: any kind; bytes already read by then may be lost only together with the stream.
  virtual asio::awaitable<std::size_t> read_some(std::span<char> buffer) = 0;
  /// Writes all of `data`, which must stay valid. \throws net::Error. Cancellation: any kind; an
  /// unknown part is written.
  virtual asio::awaitable<void> write(std::string_view data) = 0;
  /// Closes at once; pending operations end with operation_aborted or net::Error. Never throws.
  virtual void close() = 0;
};

}  // namespace slipway::net
