#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace slipway::bench {

/// The lines of a job's log as the coordinator has it, one after another, with their timestamps
/// taken off. Refers to the log.
class TraceLines {
 public:
  explicit TraceLines(std::string_view trace) : trace_{trace} {}

  /// False at the end.
  bool next();
  /// Without timestamp, colours at both ends and line end.
  std::string_view text() const { return text_; }
  /// Whether the line had a timestamp.
  bool stamped() const { return stamped_; }
  /// \throws WrongResult without one.
  std::chrono::system_clock::time_point time() const;
  /// Offset of the byte behind the line.
  std::size_t end() const { return at_; }

 private:
  std::string_view trace_;
  std::size_t at_ = 0;
  std::string_view stamp_;
  std::string_view text_;
  bool stamped_ = false;
};

}  // namespace slipway::bench
