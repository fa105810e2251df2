#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::agent {

/// A frame is written by one write(2); up to PIPE_BUF bytes that is atomic on a pipe.
inline constexpr std::size_t max_frame = 4096;
inline constexpr std::size_t frame_header = 32;
inline constexpr std::size_t frame_trailer = 4;
inline constexpr std::size_t max_payload = max_frame - frame_header - frame_trailer;

/// The eight bytes that begin every frame of one container, drawn at random by the daemon.
class Mark {
 public:
  /// `hex`: 16 lower-case hex digits; throws std::invalid_argument for anything else.
  explicit Mark(std::string_view hex);
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }
  /// A byte that does not occur in the mark: a run of it, whatever stands before, completes no
  /// mark.
  char filler() const;

 private:
  std::array<char, 8> bytes_{};
};

/// Agent to daemon below 16, daemon to agent from 16. Unknown types are ignored by their receiver.
enum class FrameType : std::uint8_t {
  hello = 1,
  output = 2,
  exit = 3,
  resumed = 4,
  alive = 5,
  run = 16,
  signal = 17,
  ack = 18,
  resume = 19,
  ping = 20,
  quit = 21,
};

/// One frame's content; what `flags`, `stage`, `number` and `confirm` mean per type stands in
/// docs/agent-protocol.md. `payload` is a view, valid as long as the bytes it was parsed from.
struct Frame {
  FrameType type = FrameType::ping;
  std::uint8_t flags = 0;
  std::uint32_t stage = 0;
  std::uint64_t number = 0;
  std::uint64_t confirm = 0;
  std::string_view payload;
};

/// The frame as it goes over the wire. Throws std::length_error past max_payload.
std::string encode(const Mark& mark, const Frame& frame);

/// What a parser found, in the order of the stream.
class FrameSink {
 public:
  virtual void on_frame(const Frame& frame) = 0;
  /// Bytes outside frames; consecutive ones may come in several calls.
  virtual void on_foreign(std::string_view bytes) = 0;

 protected:
  ~FrameSink() = default;
};

/// Finds frames between arbitrary foreign bytes, however the stream is cut. Holds back only what
/// may be the beginning of a frame, so less than max_frame bytes. Never throws on bad input: a mark
/// without a whole, intact frame behind it is foreign.
class FrameParser {
 public:
  explicit FrameParser(const Mark& mark) : mark_{mark} {}

  void feed(std::string_view bytes, FrameSink& sink);
  /// No more bytes will come: what was held back is foreign.
  void flush(FrameSink& sink);
  /// Forgets what was held back.
  void reset() { pending_.clear(); }

 private:
  std::size_t scan(std::string_view data, FrameSink& sink);
  std::size_t find_mark(std::string_view data, std::size_t from) const;

  Mark mark_;
  std::string pending_;
  unsigned broken_ = 0;  ///< candidates that failed since the last good frame
};

}  // namespace slipway::agent
