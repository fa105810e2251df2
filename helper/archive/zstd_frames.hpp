#pragma once

namespace slipway::helper::archive {

/// Walks the frames of the zstd data in the seekable file `fd` from block to block (RFC 8878,
/// section 3.1), reading their headers only: whether all of it is there. \throws ArchiveError
/// `tar.zst: …`, std::system_error
void check_zstd_frames(int fd);

}  // namespace slipway::helper::archive
