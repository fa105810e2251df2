#pragma once

#include <optional>
#include <string_view>

namespace slipway::helper::archive {

/// `ARTIFACT_COMPRESSION_LEVEL`, `CACHE_COMPRESSION_LEVEL`: the user's words.
enum class CompressionLevel { fastest, fast, normal, slow, slowest };

/// The level called `word` (`normal` is called "default"); empty means default, as nothing was
/// said.
std::optional<CompressionLevel> compression_level(std::string_view word);

/// zlib's scale; 0 stores.
int deflate_level(CompressionLevel level);
/// zstd's scale, for a tar archive and for the entries of a zip archive.
int tar_zstd_level(CompressionLevel level);
int zip_zstd_level(CompressionLevel level);

}  // namespace slipway::helper::archive
