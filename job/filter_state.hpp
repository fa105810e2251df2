#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace slipway::job {

/// Writes the state of log filters as bytes: `<version, 1 byte> <CRC-32 of the rest, 4 bytes, low
/// one first> <rest>`, the rest made of numbers (7 bits a byte, low ones first, bit 7 = more
/// follow) and texts (length, bytes).
class StateWriter {
 public:
  StateWriter();
  void number(std::uint64_t value);
  void text(std::string_view bytes);
  /// The whole; nothing can be added afterwards.
  std::string finish() &&;

 private:
  std::string bytes_;
};

/// Reads what a StateWriter wrote, in the same order. Every function throws std::invalid_argument
/// on what cannot have been written by one; the error's text has nothing of the content in it.
class StateReader {
 public:
  /// Checks version and CRC. `state` must outlive the reader and the texts it gives.
  explicit StateReader(std::string_view state);

  /// A number of at most `most`.
  std::uint64_t number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
  bool flag() { return number(1) == 1; }
  std::string_view text();
  /// By which version of the layout it was written: 1, or 2, which has more at its end.
  unsigned version() const { return version_; }
  /// Nothing may be left.
  void end() const { require(rest_.empty()); }
  /// What a reader knows to hold of every state.
  static void require(bool holds);

 private:
  unsigned version_ = 0;
  std::string_view rest_;
};

}  // namespace slipway::job
