#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

/// Which stream of the job's log bytes belong to; the two hex digits of a timestamped line.
enum class LogStream : std::uint8_t { runner = 0x00, script = 0x01, service = 0x0f };
enum class LogKind : char { out = 'O', err = 'E' };

/// How one job's log is filtered. Values live only here and in the filters; they are never logged.
struct TraceOptions {
  std::vector<std::string> masked_values;
  std::vector<std::string>
      token_prefixes;  ///< features.token_mask_prefixes, on top of the built-in ones
  bool mask_all_default_tokens = true;
  bool timestamps = true;
  std::uint64_t limit_bytes = 4u << 20;
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

/// The log pipeline of a job, no I/O: bytes of several streams in, the final bytes out, in the
/// order `::add-mask::` lines of the script → mask values in all their forms → URL parameters →
/// token prefixes → timestamps (one state per stream and kind), then shared: UTF-8 repair → size
/// limit (head and tail are kept). Correct at every chunk border; what may still become a secret is
/// held back until it cannot or until close().
class TraceFilter {
 public:
  /// `out` gets the final bytes, in pieces; they are valid during the call.
  TraceFilter(TraceOptions options, std::function<void(std::string_view)> out);
  /// Goes on where the filter whose `state` this is stood: given the same bytes from here on, both
  /// have the same output. Limit and timestamps are those of the state, whatever `options` say, and
  /// values that were added at run time are in it; all else comes from `options`.
  /// \throws std::invalid_argument if the state is damaged or a newer version wrote it.
  TraceFilter(TraceOptions options, std::function<void(std::string_view)> out,
              std::string_view state);
  ~TraceFilter();

  void write(LogStream stream, LogKind kind, std::string_view bytes);
  /// Flushes what is held back in `stream` (end of a stage): a partial match is emitted as it is,
  /// an unterminated line is completed.
  void flush(LogStream stream);
  /// Flushes everything; further writes are ignored.
  void close();
  /// Adds a value to hide from now on, also in what is held back. Cheap; what it takes to look for
  /// it is made when more is written.
  void add_masked_value(std::string value);
  /// All that later output depends on, as bytes for a journal: below 100 while nothing is held
  /// back, and up to 1 MiB once the limit is exceeded. Holds masked values and parts of them.
  std::string state() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::job
