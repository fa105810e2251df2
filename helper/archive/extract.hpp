#pragma once

#include "helper/archive/beneath.hpp"
#include "helper/archive/extract_options.hpp"

namespace slipway::helper::archive {

/// Extracts the archive in the seekable file `fd`, a zip or a tar archive packed by zstd, whichever
/// its first bytes say it is: extract_zip(), extract_tar_zstd(). \throws as those; ArchiveError
/// `"gzip" format: unsupported archive format`.
Extracted extract_archive(int fd, const Root& project, const ExtractOptions& options = {});

/// Whether the archive is whole and within the limits, as far as its structure tells, without
/// unpacking it: a zip archive's directory, the blocks of a tar.zst. \throws as extract_archive().
void check_archive(int fd, const ExtractLimits& limits = {});

}  // namespace slipway::helper::archive
