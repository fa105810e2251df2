#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "agent/daemon_end.hpp"

namespace slipway::agent {

/// Where output goes that no longer fits into memory: an unlinked file in the real agent, a string
/// in tests. Offsets are bytes and stay below OutputLimits::spill.
class Spill {
 public:
  virtual ~Spill() = default;
  /// False: the bytes cannot be kept there (no directory writable, disk full).
  virtual bool write(std::uint64_t at, std::string_view bytes) = 0;
  virtual bool read(std::uint64_t at, char* to, std::size_t size) = 0;
  /// Nothing in it is needed any more.
  virtual void clear() = 0;
};

struct OutputLimits {
  std::size_t memory = 1 << 20;
  std::size_t spill = 64 << 20;
  std::size_t runs = 16384;  ///< changes between stages or streams; 24 bytes of memory each
};

/// The output of all stages that the daemon has not acknowledged yet: bytes [begin, end), each with
/// its stage and stream. Kept in segments, in memory first, then in the spill. Full: room() is 0
/// and the scripts wait.
class OutputLog {
 public:
  /// `spill` may be null: memory only. It must outlive the log.
  explicit OutputLog(Spill* spill, OutputLimits limits = {});

  /// How many bytes append() may take now.
  std::size_t room() const;
  void append(std::uint32_t stage, Stream stream, std::string_view bytes);
  /// Forgets everything before `offset`.
  void release(std::uint64_t offset);

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }

  /// A piece of one stage's one stream.
  struct Piece {
    std::uint32_t stage = 0;
    Stream stream = Stream::out;
    std::size_t size = 0;
  };
  /// The piece at `offset` (begin() <= offset < end()), at most `max` bytes of it.
  Piece read(std::uint64_t offset, char* to, std::size_t max) const;

  static constexpr std::size_t segment_size = 32 << 10;

 private:
  struct Run {
    std::uint64_t begin;
    std::uint32_t stage;
    Stream stream;
  };
  struct Segment {
    std::unique_ptr<char[]> memory;  ///< null: in the spill
    std::uint64_t spill_at = 0;
  };

  void add_segment();
  void append_to_tail(std::string_view bytes);
  void move_tail_to_memory(std::size_t used);
  std::size_t spill_segments() const { return segments_.size() - memory_segments_; }

  Spill* spill_;
  OutputLimits limits_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::deque<Run> runs_;
  std::deque<Segment> segments_;  ///< the first holds byte `begin_`, aligned to segment_size
  std::size_t memory_segments_ = 0;
  std::uint64_t next_spill_slot_ = 0;
  bool spill_broken_ = false;
};

}  // namespace slipway::agent
