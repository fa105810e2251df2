#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "helper/archive/compression_level.hpp"

namespace slipway::helper::archive {

/// How the entries of a zip archive are packed; what does not get smaller is stored.
enum class ZipPacking { deflate, zstd };

/// For all formats; each takes what concerns it.
struct PackOptions {
  CompressionLevel level = CompressionLevel::normal;
  /// How many threads compress; 0: as many as there are processors, at most 8.
  unsigned threads = 0;
  ZipPacking zip_packing = ZipPacking::deflate;
  /// Called, by the thread that makes the archive, for what is left out: a text for the job's log
  /// that names the file and says why (it is a socket, it has gone meanwhile …).
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// What an archive holds.
struct ArchiveContents {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;    ///< of the files, before packing
  std::uint64_t packed = 0;  ///< of the archive
};

/// The number of threads that `wanted` (0: as many as help) stands for.
unsigned thread_count(unsigned wanted);

}  // namespace slipway::helper::archive
