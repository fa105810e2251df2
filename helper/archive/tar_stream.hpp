#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "helper/archive/tar_format.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {

/// The entries of a tar archive packed by zstd, one after another. Nothing in it is trusted: what
/// does not fit together is an ArchiveError that names the entry.
class TarStream {
 public:
  /// Of the file `fd`, which must stay open and unchanged.
  explicit TarStream(int fd);

  /// The next entry, with what extended headers say of it; empty at the archive's end, which has
  /// then been checked. What was not read of the last entry is skipped.
  std::optional<TarEntry> next();
  /// Bytes of the entry, exactly `size` of them; there must be so many left.
  void read(char* bytes, std::size_t size);

 private:
  std::size_t fill(char* bytes, std::size_t size);
  void skip(std::uint64_t size);
  bool read_block(std::string& block);
  std::string read_text(const TarEntry& header);
  void check_end();
  [[noreturn]] void fail(const std::string& problem) const;

  ZstdReader reader_;
  std::string name_;  ///< of the entry, for errors
  std::uint64_t left_ = 0;
  std::size_t padding_ = 0;
};

}  // namespace slipway::helper::archive
