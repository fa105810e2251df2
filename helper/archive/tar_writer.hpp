#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/pack_options.hpp"
#include "helper/archive/path_list.hpp"
#include "helper/archive/sink.hpp"

namespace slipway::helper::archive {

/// Writes a tar archive of `files`, clean paths below `project`, in their order, packed by zstd, to
/// `sink` while reading them: POSIX headers (ustar, with pax records where a name or number has no
/// room), permissions, owner, time (whole seconds), links as links; names are bytes. Files that
/// shrink meanwhile are filled up with zeros, and named; what they grow by is left out. Holes are
/// zeros.
///
/// Two threads each pack a part of some megabytes as a frame of its own. That changes nothing of
/// the format, all that reads zstd reads several frames, and does not cost size; more threads would
/// cost more memory than the helper may have, or smaller parts.
///
/// Own code and not libarchive's: the headers are the smaller part of it, its static archive would
/// add a quarter to the program's size, and it packs on one thread.
/// \throws ArchiveError, std::system_error (a file cannot be read), what `sink` throws.
ArchiveContents write_tar_zstd(const Root& project, const PathList& files,
                               const PackOptions& options, const Sink& sink);

}  // namespace slipway::helper::archive
