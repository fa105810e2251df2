#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace slipway::helper::archive {

/// What an archive may be, so that nobody can fill a disk or a memory with a small one.
struct ExtractLimits {
  std::uint64_t entries = 2'000'000;
  std::uint64_t size = std::uint64_t{1} << 40;  ///< of all files together
  /// How many times larger than the archive the files may be; deflate cannot do more than 1032.
  std::uint64_t ratio = 1100;
  std::uint64_t ratio_from = std::uint64_t{64} << 20;  ///< smaller sums are not asked for theirs
  /// The same for zstd, which makes anything of the same bytes and for which therefore only what
  /// is written counts: not the blocks of zeros, which become holes.
  std::uint64_t zstd_ratio = 10'000;
  std::uint64_t zstd_ratio_from = std::uint64_t{1} << 30;
  std::uint64_t depth = 1000;  ///< components of a name
  /// Of the names and targets that have to be remembered to the end: links and directories.
  std::uint64_t remembered = std::uint64_t{64} << 20;
};

struct ExtractOptions {
  /// How many threads unpack; 0: as many as there are processors, at most 8.
  unsigned threads = 0;
  ExtractLimits limits;
};

struct Extracted {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;  ///< of the files
};

/// What may still be written of an archive that zstd has packed. Used by several threads.
class Allowance {
 public:
  /// `format` begins the error's text, `archive_size` is in bytes.
  Allowance(std::string_view format, const ExtractLimits& limits, std::uint64_t archive_size);
  /// \throws ArchiveError
  void take(std::uint64_t bytes);

 private:
  std::string_view format_;
  std::uint64_t ratio_;
  std::uint64_t most_;
  std::atomic<std::uint64_t> taken_ = 0;
};

}  // namespace slipway::helper::archive
