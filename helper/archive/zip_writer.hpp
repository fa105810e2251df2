#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/pack_options.hpp"
#include "helper/archive/path_list.hpp"
#include "helper/archive/sink.hpp"

namespace slipway::helper::archive {

/// Writes a zip archive of `files`, clean paths below `project`, in their order, to `sink` while
/// reading them; nothing of it is kept but the directory, packed. Zip64 where it
/// is needed; permissions, owner, time (whole seconds), links as links; names are bytes, marked as
/// UTF-8 if they are and not ASCII. A file that packing does not make smaller is stored. Files that
/// shrink meanwhile end where they end; what they grow by is left out.
///
/// zstd packs one file above 4 MiB at a time, on one thread: an entry is one frame, as some who
/// read it take only the first.
///
/// Own code and not libarchive's, which packs on one thread with zlib and writes another format of
/// entries than the one that GitLab's users exchange.
/// \throws ArchiveError, std::system_error (a file cannot be read), what `sink` throws.
ArchiveContents write_zip(const Root& project, const PathList& files, const PackOptions& options,
                          const Sink& sink);

}  // namespace slipway::helper::archive
