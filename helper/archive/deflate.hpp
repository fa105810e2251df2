#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::helper::archive {

// Deflate for archives. libdeflate instead of zlib, because it is twice as fast at the same size of
// result and the archive stages have to be twice as fast as Info-ZIP; it only knows whole buffers,
// so files above one piece become several, each byte-aligned, which together are one stream that
// any inflate reads. All functions may be called by several threads.

/// One piece of a file, packed.
struct Packed {
  std::string data;
  std::uint64_t size = 0;  ///< before packing
  std::uint32_t crc = 0;   ///< of the bytes before packing
  bool smaller = false;    ///< by packing; else these are the bytes themselves
};

/// A whole file as one deflate stream, or as it is, if level is 0 or that is not larger.
Packed pack_whole(std::string_view bytes, int level);
/// Some bytes of a longer stream; deflate_end ends it. `level` is above 0.
Packed pack_piece(std::string_view bytes, int level);
inline constexpr std::string_view deflate_end{"\x03\x00", 2};

/// Whether packing would save anything: tried on `sample`.
bool is_compressible(std::string_view sample);
/// The same for a whole file, of which a part is tried.
bool is_worth_packing(std::string_view bytes);

/// Whether all bytes are about equally frequent in the sample, as they are in random and in packed
/// data: much cheaper, and right more rarely.
bool looks_random(std::string_view sample);

/// Nothing but zero bytes.
bool is_zero(std::string_view bytes);

std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);
/// The sum of two neighbours from the sums of each.
std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size);

/// Unpacks a stream that is `packed` as a whole into exactly `size` bytes; false if it is not that.
bool inflate_whole(std::string_view packed, char* bytes, std::size_t size);

}  // namespace slipway::helper::archive
