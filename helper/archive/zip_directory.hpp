#pragma once

#include <cstdint>
#include <functional>

#include "helper/archive/extract_options.hpp"
#include "helper/archive/zip_format.hpp"

namespace slipway::helper::archive {

/// The central directory of a zip archive in a file, read in small parts as often as wanted.
/// Nothing in it is trusted: what does not fit together is an ArchiveError.
class ZipDirectory {
 public:
  /// Of the seekable file `fd`, which must stay open and unchanged. \throws ArchiveError (no zip
  /// archive, truncated), std::system_error.
  explicit ZipDirectory(int fd);

  /// Calls `visit` for each entry, in the directory's order. Offsets count from the file's begin.
  void for_each(const std::function<void(const ZipEntry&)>& visit) const;
  /// Reads everything once: entries that overlap (one piece of data under many names), the limits.
  void check(const ExtractLimits& limits) const;

  std::uint64_t entries() const { return entries_; }
  std::uint64_t file_size() const { return file_size_; }

 private:
  int fd_;
  std::uint64_t file_size_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t shift_ = 0;  ///< of all offsets: something precedes the archive
};

/// Reads exactly `size` bytes of `fd` at `offset`. \throws ArchiveError (there are fewer).
void read_exactly(int fd, std::uint64_t offset, char* bytes, std::size_t size);

}  // namespace slipway::helper::archive
