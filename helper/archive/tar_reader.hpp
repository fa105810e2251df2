#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/extract_options.hpp"

namespace slipway::helper::archive {

/// Extracts the tar archive, packed by zstd, in the file `fd` (from its beginning) into `project`.
/// Missing directories are made; an entry `/abs` lands inside. A file that is there is emptied and
/// written anew, also through a link that leads to it inside of the project; only one that may not
/// be written to is replaced. All links come last, and one whose place is taken is an error; then
/// the directories' permissions and times. Hard links are made to files inside. Restored are the
/// nine permission bits, the time, and the owner where that is possible; blocks of zeros become
/// holes. Devices, pipes and sparse files of GNU tar are errors. Everything in the archive is taken
/// for hostile. \throws ArchiveError (what is wrong with the archive or an entry),
/// std::system_error (the disk is full, no permission). What was extracted before an error stays.
Extracted extract_tar_zstd(int fd, const Root& project, const ExtractOptions& options = {});

}  // namespace slipway::helper::archive
