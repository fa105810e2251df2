#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::helper::archive {

// The records of a zip archive, as bytes. Source: PKWARE's APPNOTE.TXT 6.3.10 (sections 4.3, 4.4,
// 4.5.3); extra fields 0x5455 and 0x7875 as Info-ZIP's proginfo/extrafld.txt describes them.

enum class ZipMethod : std::uint16_t { stored = 0, deflated = 8, zstd = 93 };

/// One file, directory or link in a zip archive.
struct ZipEntry {
  static constexpr std::uint16_t encrypted_flag = 1;
  static constexpr std::uint16_t descriptor_flag = 1 << 3;
  static constexpr std::uint16_t utf8_flag = 1 << 11;

  std::string name;  ///< as stored: relative, directories end in `/`
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  ///< of the local header
  std::uint32_t mode = 0;    ///< st_mode; 0 if the archive does not tell
  std::int64_t mtime = 0;    ///< seconds since 1970
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;

  bool is(ZipMethod wanted) const { return method == static_cast<std::uint16_t>(wanted); }
};

/// Sets the UTF-8 flag where the name needs it and can have it.
void mark_utf8(ZipEntry& entry);

/// Sizes from here on are written with 8 bytes; lower than needed, since a piece that is packed may
/// grow a little.
inline constexpr std::uint64_t zip64_from = 0xF0000000;

/// What precedes a file's bytes. With the descriptor flag, sizes and sum follow them instead;
/// `big` then says that they will have 8 bytes.
std::string local_header(const ZipEntry& entry, bool big);
std::string data_descriptor(const ZipEntry& entry, bool big);
std::string central_header(const ZipEntry& entry);
/// The end of an archive: directory of `size` bytes at `offset`.
std::string end_of_directory(std::uint64_t entries, std::uint64_t size, std::uint64_t offset);

/// What the end of an archive says.
struct DirectoryEnd {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

inline constexpr std::size_t end_record_size = 22;
inline constexpr std::size_t zip64_locator_size = 20;
inline constexpr std::size_t zip64_end_size = 56;
inline constexpr std::size_t central_header_size = 46;
inline constexpr std::size_t local_header_size = 30;

/// Where in `tail`, an archive's last bytes, the end record is: its comment ends with the file.
std::optional<std::size_t> find_end_record(std::string_view tail);
/// All three: empty if `bytes` is not such a record. `parse_zip64_locator` gives the offset of the
/// zip64 end record.
std::optional<DirectoryEnd> parse_end_record(std::string_view bytes);
std::optional<std::uint64_t> parse_zip64_locator(std::string_view bytes);
std::optional<DirectoryEnd> parse_zip64_end(std::string_view bytes);

/// The sizes that stand in a central header's fixed part.
struct CentralLengths {
  std::size_t name = 0;
  std::size_t extra = 0;
  std::size_t comment = 0;
  std::size_t all() const { return central_header_size + name + extra + comment; }
};
/// `fixed` has central_header_size bytes.
std::optional<CentralLengths> parse_central_lengths(std::string_view fixed);
/// A whole central header. Empty if it is broken, also in its extra fields.
std::optional<ZipEntry> parse_central_header(std::string_view bytes);

/// How far behind the local header at `fixed` (local_header_size bytes) the file's bytes begin;
/// empty if it is none, or of another method than `entry`'s or with a name of another length.
std::optional<std::uint64_t> local_data_distance(std::string_view fixed, const ZipEntry& entry);

}  // namespace slipway::helper::archive
