#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::local {

/// Turns a job's trace, as it arrives at the coordinator, into what a person reads: without
/// timestamps and section marks, lines that were sent in parts joined again. Colours are kept on
/// request; nothing else that could drive a terminal is, since a log is a stranger's text.
class LiveLog {
 public:
  LiveLog(bool colours, std::function<void(std::string_view)> out);

  /// The next bytes of the trace, cut anywhere.
  void write(std::string_view bytes);
  /// The trace is complete: shows what was held back and ends the last line.
  void close();

 private:
  void show(std::string_view line);
  void end_line();

  bool colours_;
  std::function<void(std::string_view)> out_;
  std::string pending_;   ///< a line whose end has not come yet
  std::string stream_;    ///< of the line that is being shown
  bool open_ = false;     ///< a line is being shown: its end waits for what comes next
  bool marked_ = false;   ///< it held a section mark,
  bool visible_ = false;  ///< and something besides
};

}  // namespace slipway::local
