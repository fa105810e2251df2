#include "helper/archive/deflate.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

// Making one costs more than packing a small file.
libdeflate_compressor* compressor(int level) {
  thread_local std::unique_ptr<libdeflate_compressor, FreeCompressor> kept;
  thread_local int kept_level = -1;
  if (kept_level != level) {
    kept.reset(libdeflate_alloc_compressor(level));
    if (!kept) throw std::bad_alloc{};
    kept_level = level;
  }
  return kept.get();
}

// Packs into `data` if the result has at most `limit` bytes; else leaves it empty.
std::string deflate(std::string_view bytes, int level, std::size_t limit) {
  thread_local std::unique_ptr<char[]> buffer;
  thread_local std::size_t capacity = 0;
  if (capacity < limit) {
    buffer = std::make_unique_for_overwrite<char[]>(limit);
    capacity = limit;
  }
  const auto size = libdeflate_deflate_compress(compressor(level), bytes.data(), bytes.size(),
                                                buffer.get(), limit);
  return {buffer.get(), size};
}

class BlockReader {
 public:
  explicit BlockReader(std::string& data) {
    stream_.next_in = reinterpret_cast<Bytef*>(data.data());
    stream_.avail_in = static_cast<uInt>(data.size());
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc{};
  }
  BlockReader(const BlockReader&) = delete;
  ~BlockReader() { inflateEnd(&stream_); }

  // Goes to the end of the next block; true while another one follows.
  bool next() {
    Bytef scratch[16 << 10];
    do {
      stream_.next_out = scratch;
      stream_.avail_out = sizeof scratch;
      if (inflate(&stream_, Z_BLOCK) != Z_OK) throw ArchiveError{"deflate: broken stream"};
    } while (!(stream_.data_type & 128));
    return !(stream_.data_type & 64);
  }
  std::size_t bit() const { return stream_.total_in * 8 - unused(); }
  unsigned unused() const { return static_cast<unsigned>(stream_.data_type & 7); }

 private:
  z_stream stream_{};
};

// Makes a whole stream one that goes on: the mark of its last block is taken away, and an empty
// stored block brings it to a byte's end. zlib finds the block, which costs a fourth of packing.
void reopen(std::string& data) {
  std::size_t last = 0;
  BlockReader reader{data};
  while (reader.next()) last = reader.bit();
  const auto unused = reader.unused();
  data[last / 8] = static_cast<char>(data[last / 8] & ~(1 << (last % 8)));
  if (unused < 3) data += '\0';
  data.append("\x00\x00\xFF\xFF", 4);
}

}  // namespace

Packed pack_whole(std::string_view bytes, int level) {
  Packed packed;
  packed.size = bytes.size();
  packed.crc = crc32(bytes);
  if (level > 0 && !bytes.empty() && is_worth_packing(bytes))
    packed.data = deflate(bytes, level, bytes.size() - 1);
  packed.smaller = !packed.data.empty();
  if (!packed.smaller) packed.data = bytes;
  return packed;
}

Packed pack_piece(std::string_view bytes, int level) {
  Packed packed;
  packed.smaller = true;
  if (bytes.empty()) return packed;
  // Files of many gigabytes are sparse more often than not.
  thread_local std::pair<int, Packed> zeros;
  const bool zero = is_zero(bytes);
  if (zero && zeros.first == level && zeros.second.size == bytes.size()) return zeros.second;
  packed.size = bytes.size();
  packed.crc = crc32(bytes);
  const auto most = libdeflate_deflate_compress_bound(compressor(level), bytes.size());
  packed.data = deflate(bytes, level, most);
  reopen(packed.data);
  if (zero) zeros = {level, packed};
  return packed;
}

bool is_compressible(std::string_view sample) {
  return sample.size() > 64 && !deflate(sample, 1, sample.size() - sample.size() / 64).empty();
}

// What is packed already (images, archives, random bytes) is found out by a quarter or less of it:
// trying costs more than packing text.
bool is_worth_packing(std::string_view bytes) {
  constexpr std::size_t sample = 4 << 10;
  if (bytes.size() < 12 * sample) return true;
  for (const auto at : {std::size_t{0}, bytes.size() / 2, bytes.size() - sample})
    if (is_compressible(bytes.substr(at, sample))) return true;
  return false;
}

bool looks_random(std::string_view sample) {
  std::uint32_t counts[256] = {};
  for (const char c : sample) ++counts[static_cast<unsigned char>(c)];
  std::uint64_t squares = 0;
  for (const auto count : counts) squares += std::uint64_t{count} * count;
  // For n random bytes that is n + n²/256, nearly always within a few percent.
  const std::uint64_t n = sample.size();
  return n >= 1024 && squares < (n + n * n / 256) * 9 / 8;
}

bool is_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return static_cast<std::uint32_t>(
      crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

bool inflate_whole(std::string_view packed, char* bytes, std::size_t size) {
  thread_local std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor{
      libdeflate_alloc_decompressor()};
  if (!decompressor) throw std::bad_alloc{};
  std::size_t read = 0;
  std::size_t written = 0;
  const auto result = libdeflate_deflate_decompress_ex(decompressor.get(), packed.data(),
                                                       packed.size(), bytes, size, &read, &written);
  return result == LIBDEFLATE_SUCCESS && written == size && read == packed.size();
}

}  // namespace slipway::helper::archive
