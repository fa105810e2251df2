#pragma once

#include <stdexcept>
#include <string>

#include "util/asio_fwd.hpp"

namespace slipway::cmd {

/// The user wants the command to end.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// While it exists, SIGINT and SIGTERM do not end the process but can be waited for, so that a
/// command can undo what it did. One at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  /// Becomes readable with the first signal and stays so.
  int descriptor() const { return descriptor_; }
  /// `RECEIVED SIGNAL: interrupt`.
  Interrupted error() const;
  /// Returns after the first signal. Cancellation: any kind.
  asio::awaitable<void> wait() const;

 private:
  int descriptor_ = -1;
};

}  // namespace slipway::cmd
