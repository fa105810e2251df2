#pragma once

#include <zstd.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/sink.hpp"

namespace slipway::helper::archive {

// Frames as RFC 8878 describes them. Debian's libzstd.a is built without threads: who wants several
// of them makes several frames, or several entries, at a time.

/// How hard one frame is tried. 0 leaves a number to the library.
struct ZstdEffort {
  int level = 3;
  int window_log = 0;  ///< of how many bytes back repetitions are found
  int hash_log = 0;
  int chain_log = 0;
};

/// Bytes that nobody has set to zero first: pages that are not written to cost nothing.
struct Bytes {
  std::unique_ptr<char[]> data;
  std::size_t size = 0;
  std::string_view view() const { return {data.get(), size}; }
};
Bytes make_bytes(std::size_t size);

/// One frame with a checksum, handed to `out` while it is made. Not moved between threads: each
/// thread keeps one compressor, which the frame borrows, so a thread makes one frame at a time.
class ZstdFrame {
 public:
  ZstdFrame(const ZstdEffort& effort, const Sink& out);
  ZstdFrame(const ZstdFrame&) = delete;

  void add(std::string_view bytes);
  /// Last call.
  void finish();

 private:
  void run(std::string_view bytes, ZSTD_EndDirective directive);

  ZSTD_CCtx* compressor_;
  const Sink& out_;
};

/// The same of all that `bytes` are, which is faster.
Bytes zstd_frame(std::string_view bytes, const ZstdEffort& effort);
/// One frame in at most `limit` bytes; empty if it does not get that small.
std::string zstd_pack(std::string_view bytes, int level, std::size_t limit);
/// Unpacks `packed`, as a whole, into exactly `size` bytes; false if it is not that.
bool zstd_unpack(std::string_view packed, char* bytes, std::size_t size);

/// A frame asks for more memory than it may have.
class ZstdWindowError : public ArchiveError {
 public:
  using ArchiveError::ArchiveError;
};

/// Reads what one or more frames, one after another, hold.
class ZstdReader {
 public:
  /// Puts at most so many bytes at a place; 0 at the end.
  using Source = std::function<std::size_t(char*, std::size_t)>;

  /// A frame whose window is larger than 2^`window_log` bytes is refused; that much memory may be
  /// used. RFC 8878 recommends that 2^23 are accepted, zstd's program accepts 2^27.
  ZstdReader(Source source, int window_log);

  /// Fills `bytes` up to `size`, with less only at the end. \throws ArchiveError (what is wrong,
  /// without a name), ZstdWindowError (nothing of the frame was read yet), what the source throws.
  std::size_t read(char* bytes, std::size_t size);

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  bool refill();

  Source source_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  std::unique_ptr<char[]> buffer_;
  ZSTD_inBuffer in_{};
  bool within_frame_ = false;
};

}  // namespace slipway::helper::archive
