#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "util/asio_fwd.hpp"

namespace slipway::docker_api {

enum class StreamType : std::uint8_t { in = 0, out = 1, err = 2, system_error = 3 };

/// Parser of the multiplexed stream (8-byte header: type, 0, 0, 0, big-endian size), pure. Frames
/// may be cut anywhere. Engine API: "Stream format" of POST /containers/{id}/attach.
class StreamParser {
 public:
  using Sink = std::function<void(StreamType, std::string_view)>;
  /// Feeds bytes; `sink` gets payload pieces as they come, never joined across frames. \throws
  /// std::runtime_error on an unknown type, and `error from daemon in stream: …` for type 3
  /// (bounded to 64 KiB).
  void feed(std::string_view bytes, const Sink& sink);

 private:
  void begin_frame(const char* header);
  void take_system_error(std::string_view piece);
  [[noreturn]] void fail() const;

  char header_[8];
  std::size_t header_size_ = 0;
  std::uint32_t remaining_ = 0;
  StreamType type_ = StreamType::out;
  std::string system_error_;
};

/// An attached container: stdin to write, stdout and stderr to read. Destruction cuts the
/// connection; the container runs on. One read and one write may be under way at once.
class Attachment {
 public:
  virtual ~Attachment() = default;
  /// Reads what is there and hands the pieces to `sink` (called before read() returns, possibly
  /// several times, possibly not at all for a half header). False = end of the stream. \throws
  /// net::Error, std::runtime_error (see StreamParser). Cancellation: any kind; close the
  /// attachment afterwards.
  virtual asio::awaitable<bool> read(const StreamParser::Sink& sink) = 0;
  virtual asio::awaitable<void> write(std::string_view data) = 0;
  virtual void close() = 0;
};

}  // namespace slipway::docker_api
