#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::helper::archive {

// The records of a tar archive, as bytes. Source: POSIX.1-2017, "pax", sections "ustar Interchange
// Format" and "pax Header Block"; GNU tar's manual, "Basic Tar Format", for what that program adds.

inline constexpr std::size_t tar_block = 512;

/// The kinds of a header that matter here, as they are written.
enum class TarKind : char {
  file = '0',
  hard_link = '1',
  link = '2',
  directory = '5',
  pax = 'x',         ///< records for the next entry
  pax_global = 'g',  ///< for all that follow
  gnu_name = 'L',    ///< a long name for the next entry
  gnu_target = 'K',  ///< the same for a link's target
  gnu_volume = 'V',  ///< the archive's name
};

/// One file, directory or link in a tar archive.
struct TarEntry {
  std::string name;    ///< as stored: relative, directories end in `/`
  std::string target;  ///< of a link, or the name of the entry that a hard link is another name of
  char kind = static_cast<char>(TarKind::file);
  std::uint32_t mode = 0;  ///< permission bits
  std::uint64_t size = 0;  ///< of the bytes that follow
  std::int64_t mtime = 0;  ///< seconds since 1970
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;

  bool is(TarKind wanted) const { return kind == static_cast<char>(wanted); }
};

/// What precedes an entry's bytes: its header, after a pax header with what has no room in it.
/// Names and targets are bytes.
std::string tar_header(const TarEntry& entry);

/// How many zeros follow `size` bytes.
std::size_t tar_padding(std::uint64_t size);

/// The end of an archive.
std::string tar_end();

/// A header of tar_block bytes; empty if it is none. Old headers without a mark are understood, and
/// so are GNU's large numbers.
std::optional<TarEntry> parse_tar_header(std::string_view block);

/// Sets in `entry` what the records of a pax header say. Empty on success, else what is wrong.
std::string apply_pax_records(std::string_view records, TarEntry& entry);

}  // namespace slipway::helper::archive
