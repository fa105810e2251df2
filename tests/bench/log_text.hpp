#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::bench {

inline constexpr std::string_view log_begin = "bench-begin";
inline constexpr std::string_view log_end = "bench-end";

/// A long output of which every byte is known: numbered lines between two marks.
struct LogText {
  std::string name;
  std::vector<std::string> script;  ///< commands for BusyBox's sh that print it
  std::uint64_t lines = 0;          ///< without the marks
  int width = 0;                    ///< digits of the number, zeros in front; 0 = as it comes

  /// Line `number` (from 0), without its end.
  std::string line(std::uint64_t number) const;
  /// Bytes between and with the marks, line ends included.
  std::uint64_t bytes() const;
};

/// 64 MiB in lines of 128 bytes, written in large pieces.
LogText wide_log();
/// 1,000,000 lines, each by a write() of its own.
LogText narrow_log();

/// Checks lines as they come against a LogText, exactly.
class LogCheck {
 public:
  explicit LogCheck(const LogText& text) : text_{text} {}
  /// \throws WrongResult for a line that is not the next one.
  void take(std::string_view line);
  bool begun() const { return state_ != State::before; }
  bool complete() const { return state_ == State::after; }

 private:
  enum class State { before, within, after };
  const LogText& text_;
  State state_ = State::before;
  std::uint64_t next_ = 0;
  std::string expected_;
};

}  // namespace slipway::bench
