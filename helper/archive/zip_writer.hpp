#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "helper/archive/beneath.hpp"
#include "helper/archive/compression_level.hpp"
#include "helper/archive/path_list.hpp"
#include "helper/archive/sink.hpp"

namespace slipway::helper::archive {

struct PackOptions {
  CompressionLevel level = CompressionLevel::normal;
  /// How many threads compress; 0: as many as there are processors, at most 8.
  unsigned threads = 0;
  /// Called, by the thread that makes the archive, for what is left out: a text for the job's log
  /// that names the file and says why (it is a socket, it has gone meanwhile …).
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// What an archive holds.
struct ZipContents {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;    ///< of the files, before packing
  std::uint64_t packed = 0;  ///< of the archive
};

/// Writes a zip archive of `files`, clean paths below `project`, in their order, to `sink` while
/// reading them; nothing of it is kept but the directory, packed. Zip64 where it
/// is needed; permissions, owner, time (whole seconds), links as links; names are bytes, marked as
/// UTF-8 if they are and not ASCII. A file that packing does not make smaller is stored. Files that
/// shrink meanwhile end where they end; what they grow by is left out.
///
/// Own code and not libarchive's, which packs on one thread with zlib and writes another format of
/// entries than the one that GitLab's users exchange.
/// \throws ArchiveError, std::system_error (a file cannot be read), what `sink` throws.
ZipContents write_zip(const Root& project, const PathList& files, const PackOptions& options,
                      const Sink& sink);

/// The number of threads that `wanted` (0: as many as help) stands for.
unsigned thread_count(unsigned wanted);

}  // namespace slipway::helper::archive
