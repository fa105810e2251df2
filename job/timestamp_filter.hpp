#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "job/trace_filter.hpp"

namespace slipway::job {

class StateReader;
class StateWriter;

/// Puts a 32-byte header `YYYY-MM-DDTHH:MM:SS.uuuuuuZ 01O ` before every line of one stream (UTC,
/// microseconds). The last byte is
/// `+` where the line before was ended only by the filter: after a `\r` without `\n`, and after
/// 8192 bytes without an end.
class TimestampFilter {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  /// `now` must outlive the filter.
  TimestampFilter(LogStream stream, LogKind kind, const Clock& now);

  /// Valid until the next call.
  std::string_view write(std::string_view chunk);
  /// Completes an unterminated line; the next one is a new line.
  std::string_view flush();
  /// What later output depends on; load() of a new filter goes on from there.
  void save(StateWriter& state) const;
  /// \throws std::invalid_argument on what save() does not write.
  void load(StateReader& state);

 private:
  static constexpr std::size_t header_size = 32;
  static constexpr std::size_t max_buffered = 8192;

  void begin_line();
  void stamp();

  const Clock* now_;
  std::array<char, header_size> header_;
  std::chrono::sys_seconds second_;
  bool stamped_ = false;  // the header has the time of this write
  bool continued_ = false;
  std::string open_;  // a line without an end yet, with its header
  std::string out_;
};

}  // namespace slipway::job
