#include "helper/archive/zip_format.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>

namespace slipway::helper::archive {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t descriptor_signature = 0x08074b50;
constexpr std::uint32_t central_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t zip64_end_signature = 0x06064b50;
constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
constexpr std::uint16_t zip64_field = 0x0001;
constexpr std::uint16_t time_field = 0x5455;
constexpr std::uint16_t owner_field = 0x7875;
constexpr std::uint32_t full32 = 0xFFFFFFFF;
constexpr std::uint16_t full16 = 0xFFFF;
constexpr unsigned unix_creator = 3;
constexpr unsigned macos_creator = 19;

template <class Number>
void put(std::string& to, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    to += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}
void put16(std::string& to, std::uint64_t value) {
  put(to, static_cast<std::uint16_t>(value));
}
void put32(std::string& to, std::uint64_t value) {
  put(to, static_cast<std::uint32_t>(value));
}
void put64(std::string& to, std::uint64_t value) {
  put(to, value);
}

std::uint64_t get(std::string_view from, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(from[at + i - 1]);
  return value;
}
std::uint16_t get16(std::string_view from, std::size_t at) {
  return static_cast<std::uint16_t>(get(from, at, 2));
}
std::uint32_t get32(std::string_view from, std::size_t at) {
  return static_cast<std::uint32_t>(get(from, at, 4));
}

// Date in the upper half, time in the lower, in UTC: what Unix programs read is the 0x5455 field.
std::uint32_t dos_time(std::int64_t mtime) {
  constexpr std::int64_t first = 315532800;  // 1980-01-01
  constexpr std::int64_t last = 4354819198;  // 2107-12-31
  const std::time_t time = std::clamp(mtime, first, last);
  std::tm parts{};
  gmtime_r(&time, &parts);
  const auto date = (parts.tm_year - 80) << 9 | (parts.tm_mon + 1) << 5 | parts.tm_mday;
  const auto clock = parts.tm_hour << 11 | parts.tm_min << 5 | parts.tm_sec / 2;
  return static_cast<std::uint32_t>(date) << 16 | static_cast<std::uint32_t>(clock);
}

std::int64_t from_dos_time(std::uint32_t value) {
  std::tm parts{};
  parts.tm_year = static_cast<int>(value >> 25) + 80;
  parts.tm_mon = static_cast<int>(value >> 21 & 15) - 1;
  parts.tm_mday = static_cast<int>(value >> 16 & 31);
  parts.tm_hour = static_cast<int>(value >> 11 & 31);
  parts.tm_min = static_cast<int>(value >> 5 & 63);
  parts.tm_sec = static_cast<int>(value & 31) * 2;
  return timegm(&parts);
}

void put_extra(std::string& to, const ZipEntry& entry) {
  if (entry.uid && entry.gid) {
    put16(to, owner_field);
    put16(to, 11);
    to += '\x01';
    to += '\x04';
    put32(to, *entry.uid);
    to += '\x04';
    put32(to, *entry.gid);
  }
  if (entry.mtime < 0 || entry.mtime > full32) return;
  put16(to, time_field);
  put16(to, 5);
  to += '\x01';
  put32(to, static_cast<std::uint64_t>(entry.mtime));
}

void read_owner(std::string_view field, ZipEntry& entry) {
  if (field.size() < 2 || field[0] != 1) return;
  const auto number = [](std::string_view text) {
    return static_cast<std::uint32_t>(get(text, 0, std::min<std::size_t>(text.size(), 4)));
  };
  const auto uid_size = static_cast<unsigned char>(field[1]);
  if (field.size() < 3u + uid_size) return;
  const auto gid_size = static_cast<unsigned char>(field[2u + uid_size]);
  if (field.size() < 3u + uid_size + gid_size) return;
  entry.uid = number(field.substr(2, uid_size));
  entry.gid = number(field.substr(3u + uid_size, gid_size));
}

// The 8-byte numbers stand only for those of the fixed part that are full.
bool read_zip64(std::string_view field, ZipEntry& entry) {
  for (auto* number : {&entry.size, &entry.packed_size, &entry.offset}) {
    if (*number != full32) continue;
    if (field.size() < 8) return false;
    *number = get(field, 0, 8);
    field.remove_prefix(8);
  }
  return true;
}

bool read_extra(std::string_view extra, ZipEntry& entry) {
  // Some writers pad with less than a header.
  while (extra.size() >= 4) {
    const auto id = get16(extra, 0);
    const std::size_t size = get16(extra, 2);
    if (size > extra.size() - 4) return false;
    const auto field = extra.substr(4, size);
    if (id == zip64_field && !read_zip64(field, entry)) return false;
    if (id == time_field && size >= 5 && (field[0] & 1)) entry.mtime = get32(field, 1);
    if (id == owner_field) read_owner(field, entry);
    extra.remove_prefix(4 + size);
  }
  return true;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t more = first < 0x80                     ? 0
                             : first >= 0xC2 && first <= 0xDF ? 1
                             : first >= 0xE0 && first <= 0xEF ? 2
                             : first >= 0xF0 && first <= 0xF4 ? 3
                                                              : 4;
    if (more == 4 || more >= text.size() - i) return false;
    for (std::size_t j = 1; j <= more; ++j)
      if ((static_cast<unsigned char>(text[i + j]) & 0xC0) != 0x80) return false;
    if (more >= 2) {
      // Too long forms, surrogates, and what is above U+10FFFF.
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
          (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
        return false;
    }
    i += more + 1;
  }
  return true;
}

// What a reader has to understand (APPNOTE 4.4.3).
unsigned needed_version(const ZipEntry& entry, bool zip64) {
  if (entry.is(ZipMethod::zstd)) return 63;
  return zip64 ? 45 : 20;
}

}  // namespace

void mark_utf8(ZipEntry& entry) {
  const bool ascii = std::all_of(entry.name.begin(), entry.name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii && is_utf8(entry.name)) entry.flags |= ZipEntry::utf8_flag;
}

std::string local_header(const ZipEntry& entry, bool big) {
  const bool later = entry.flags & ZipEntry::descriptor_flag;
  std::string extra;
  if (big) {
    put16(extra, zip64_field);
    put16(extra, 16);
    put64(extra, later ? 0 : entry.size);
    put64(extra, later ? 0 : entry.packed_size);
  }
  put_extra(extra, entry);
  std::string bytes;
  put32(bytes, local_signature);
  put16(bytes, needed_version(entry, big));
  put16(bytes, entry.flags);
  put16(bytes, entry.method);
  put32(bytes, dos_time(entry.mtime));
  put32(bytes, later ? 0 : entry.crc);
  put32(bytes, big ? full32 : later ? 0 : entry.packed_size);
  put32(bytes, big ? full32 : later ? 0 : entry.size);
  put16(bytes, entry.name.size());
  put16(bytes, extra.size());
  return bytes + entry.name + extra;
}

std::string data_descriptor(const ZipEntry& entry, bool big) {
  std::string bytes;
  put32(bytes, descriptor_signature);
  put32(bytes, entry.crc);
  if (big) {
    put64(bytes, entry.packed_size);
    put64(bytes, entry.size);
  } else {
    put32(bytes, entry.packed_size);
    put32(bytes, entry.size);
  }
  return bytes;
}

std::string central_header(const ZipEntry& entry) {
  std::string large;
  const auto field = [&large](std::uint64_t value) -> std::uint64_t {
    if (value < full32) return value;
    put64(large, value);
    return full32;
  };
  const auto size = field(entry.size);
  const auto packed_size = field(entry.packed_size);
  const auto offset = field(entry.offset);
  std::string extra;
  if (!large.empty()) {
    put16(extra, zip64_field);
    put16(extra, large.size());
    extra += large;
  }
  put_extra(extra, entry);
  std::string bytes;
  put32(bytes, central_signature);
  put16(bytes, unix_creator << 8 | 20);
  put16(bytes, needed_version(entry, !large.empty()));
  put16(bytes, entry.flags);
  put16(bytes, entry.method);
  put32(bytes, dos_time(entry.mtime));
  put32(bytes, entry.crc);
  put32(bytes, packed_size);
  put32(bytes, size);
  put16(bytes, entry.name.size());
  put16(bytes, extra.size());
  put16(bytes, 0);  // comment
  put16(bytes, 0);  // disk
  put16(bytes, 0);  // internal attributes
  put32(bytes, std::uint64_t{entry.mode} << 16 | (S_ISDIR(entry.mode) ? 0x10 : 0));
  put32(bytes, offset);
  return bytes + entry.name + extra;
}

std::string end_of_directory(std::uint64_t entries, std::uint64_t size, std::uint64_t offset) {
  std::string bytes;
  if (entries >= full16 || size >= full32 || offset >= full32) {
    put32(bytes, zip64_end_signature);
    put64(bytes, zip64_end_size - 12);
    put16(bytes, unix_creator << 8 | 45);
    put16(bytes, 45);
    put32(bytes, 0);
    put32(bytes, 0);
    put64(bytes, entries);
    put64(bytes, entries);
    put64(bytes, size);
    put64(bytes, offset);
    put32(bytes, zip64_locator_signature);
    put32(bytes, 0);
    put64(bytes, offset + size);
    put32(bytes, 1);
  }
  put32(bytes, end_signature);
  put16(bytes, 0);
  put16(bytes, 0);
  put16(bytes, std::min<std::uint64_t>(entries, full16));
  put16(bytes, std::min<std::uint64_t>(entries, full16));
  put32(bytes, std::min<std::uint64_t>(size, full32));
  put32(bytes, std::min<std::uint64_t>(offset, full32));
  put16(bytes, 0);
  return bytes;
}

std::optional<std::size_t> find_end_record(std::string_view tail) {
  if (tail.size() < end_record_size) return std::nullopt;
  for (auto at = tail.size() - end_record_size + 1; at-- > 0;)
    if (get32(tail, at) == end_signature &&
        get16(tail, at + 20) == tail.size() - at - end_record_size)
      return at;
  return std::nullopt;
}

std::optional<DirectoryEnd> parse_end_record(std::string_view bytes) {
  if (bytes.size() < end_record_size || get32(bytes, 0) != end_signature) return std::nullopt;
  return DirectoryEnd{get16(bytes, 10), get32(bytes, 12), get32(bytes, 16)};
}

std::optional<std::uint64_t> parse_zip64_locator(std::string_view bytes) {
  if (bytes.size() < zip64_locator_size || get32(bytes, 0) != zip64_locator_signature)
    return std::nullopt;
  return get(bytes, 8, 8);
}

std::optional<DirectoryEnd> parse_zip64_end(std::string_view bytes) {
  if (bytes.size() < zip64_end_size || get32(bytes, 0) != zip64_end_signature) return std::nullopt;
  return DirectoryEnd{get(bytes, 32, 8), get(bytes, 40, 8), get(bytes, 48, 8)};
}

std::optional<CentralLengths> parse_central_lengths(std::string_view fixed) {
  if (fixed.size() < central_header_size || get32(fixed, 0) != central_signature)
    return std::nullopt;
  return CentralLengths{get16(fixed, 28), get16(fixed, 30), get16(fixed, 32)};
}

std::optional<ZipEntry> parse_central_header(std::string_view bytes) {
  const auto lengths = parse_central_lengths(bytes);
  if (!lengths || bytes.size() < lengths->all()) return std::nullopt;
  ZipEntry entry;
  entry.name = bytes.substr(central_header_size, lengths->name);
  entry.flags = get16(bytes, 8);
  entry.method = get16(bytes, 10);
  entry.mtime = from_dos_time(get32(bytes, 12));
  entry.crc = get32(bytes, 16);
  entry.packed_size = get32(bytes, 20);
  entry.size = get32(bytes, 24);
  entry.offset = get32(bytes, 42);
  const unsigned creator = get16(bytes, 4) >> 8;
  if (creator == unix_creator || creator == macos_creator) entry.mode = get32(bytes, 38) >> 16;
  const auto extra = bytes.substr(central_header_size + lengths->name, lengths->extra);
  if (!read_extra(extra, entry)) return std::nullopt;
  return entry;
}

std::optional<std::uint64_t> local_data_distance(std::string_view fixed, const ZipEntry& entry) {
  if (fixed.size() < local_header_size || get32(fixed, 0) != local_signature) return std::nullopt;
  if (get16(fixed, 8) != entry.method || get16(fixed, 26) != entry.name.size()) return std::nullopt;
  return local_header_size + entry.name.size() + get16(fixed, 28);
}

}  // namespace slipway::helper::archive
