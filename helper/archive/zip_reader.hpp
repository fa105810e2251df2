#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/extract_options.hpp"

namespace slipway::helper::archive {

/// Extracts the zip archive in the seekable file `fd` into `project`, over what is there. Entries
/// are stored, deflated or packed by zstd. An entry
/// `/abs` lands inside. Missing directories are made; what is at a file's or link's place is
/// removed first, if it is no directory with something in it. Directories and files come first,
/// then all links, then the directories' permissions and times, so that nothing is written through
/// a link that the archive brought; links that were there before are followed only while they stay
/// inside. Restored are the nine permission bits, the time, and the owner where that is possible;
/// blocks of zeros become holes. Everything in the archive is taken for hostile.
///
/// Own code and not libarchive's, which unpacks on one thread with zlib and follows or refuses
/// links by other rules than GitLab's. \throws ArchiveError (what is wrong with the archive or an
/// entry), std::system_error (the disk is full, no permission). What was extracted before an error
/// stays.
Extracted extract_zip(int fd, const Root& project, const ExtractOptions& options = {});

}  // namespace slipway::helper::archive
