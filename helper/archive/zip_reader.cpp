#include "helper/archive/zip_reader.hpp"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/clean_path.hpp"
#include "helper/archive/deflate.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/pack_options.hpp"
#include "helper/archive/places.hpp"
#include "helper/archive/target_file.hpp"
#include "helper/archive/zip_directory.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t whole_size = 1 << 20;  // up to this, a file is unpacked in one go
constexpr std::size_t buffer_size = 256 << 10;
// How many files are under way; each may hold a descriptor of another directory.
constexpr std::size_t window = 128;
// Of zstd, in bits: 8 MiB is what all who write such entries may take for granted.
constexpr int common_window_log = 23;
constexpr int largest_window_log = 27;

enum class Kind { file, directory, link, other };

Kind kind_of(const ZipEntry& entry) {
  switch (entry.mode & S_IFMT) {
    case S_IFREG:
    case 0:
      return entry.name.ends_with('/') ? Kind::directory : Kind::file;
    case S_IFDIR:
      return Kind::directory;
    case S_IFLNK:
      return Kind::link;
    default:
      return Kind::other;
  }
}

Metadata metadata_of(const ZipEntry& entry) {
  Metadata metadata;
  // An archive made on another system tells no permissions.
  if (entry.mode != 0) metadata.mode = entry.mode & 0777;
  metadata.mtime = entry.mtime;
  metadata.uid = entry.uid;
  metadata.gid = entry.gid;
  return metadata;
}

char* buffer(std::size_t index, std::size_t size) {
  thread_local std::pair<std::unique_ptr<char[]>, std::size_t> kept[2];
  auto& [bytes, capacity] = kept[index];
  if (capacity < size) {
    bytes = std::make_unique_for_overwrite<char[]>(size);
    capacity = size;
  }
  return bytes.get();
}

// The bytes of one entry, unpacked and checked.
class Content {
 public:
  Content(int fd, ZipEntry entry) : fd_{fd}, entry_{std::move(entry)} {}

  template <class Put>
  void read(Put put) {
    char fixed[local_header_size];
    read_exactly(fd_, entry_.offset, fixed, sizeof fixed);
    const auto distance = local_data_distance({fixed, sizeof fixed}, entry_);
    if (!distance) fail("its header is broken");
    offset_ = entry_.offset + *distance;
    if (entry_.is(ZipMethod::stored))
      read_stored(put);
    else if (entry_.size <= whole_size && entry_.packed_size <= whole_size)
      read_whole(put);
    else if (entry_.is(ZipMethod::zstd))
      read_zstd(put);
    else
      read_stream(put);
    if (crc_ != entry_.crc) fail("checksum error");
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw ArchiveError{"zip: " + entry_.name + ": " + problem};
  }

  template <class Put>
  void take(std::string_view bytes, Put& put) {
    crc_ = crc32(bytes, crc_);
    put(bytes);
  }

  template <class Put>
  void read_stored(Put& put) {
    if (entry_.size != entry_.packed_size) fail("its sizes differ");
    for (std::uint64_t at = 0; at < entry_.size; at += buffer_size) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer_size, entry_.size - at));
      auto* bytes = buffer(0, buffer_size);
      read_exactly(fd_, offset_ + at, bytes, size);
      take({bytes, size}, put);
    }
  }

  template <class Put>
  void read_whole(Put& put) {
    auto* packed = buffer(0, whole_size);
    auto* bytes = buffer(1, whole_size);
    const auto packed_size = static_cast<std::size_t>(entry_.packed_size);
    const auto size = static_cast<std::size_t>(entry_.size);
    read_exactly(fd_, offset_, packed, packed_size);
    const auto unpack = entry_.is(ZipMethod::zstd) ? zstd_unpack : inflate_whole;
    if (!unpack({packed, packed_size}, bytes, size)) fail("its data is broken");
    take({bytes, size}, put);
  }

  template <class Put>
  void read_stream(Put& put) {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc{};
    const std::unique_ptr<z_stream, int (*)(z_stream*)> ending{&stream, inflateEnd};
    auto* packed = buffer(0, buffer_size);
    auto* bytes = buffer(1, buffer_size);
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    for (int result = Z_OK; result != Z_STREAM_END;) {
      if (stream.avail_in == 0 && read < entry_.packed_size) {
        const auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(buffer_size, entry_.packed_size - read));
        read_exactly(fd_, offset_ + read, packed, size);
        read += size;
        stream.next_in = reinterpret_cast<Bytef*>(packed);
        stream.avail_in = static_cast<uInt>(size);
      }
      stream.next_out = reinterpret_cast<Bytef*>(bytes);
      stream.avail_out = buffer_size;
      result = inflate(&stream, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END) fail("its data is broken");
      const auto size = buffer_size - stream.avail_out;
      if (size > entry_.size - written) fail("it is larger than the archive says");
      written += size;
      take({bytes, size}, put);
    }
    if (written != entry_.size || read != entry_.packed_size || stream.avail_in != 0)
      fail("its size is not what the archive says");
  }

  // Many threads with large windows would take too much memory together: such entries wait for one
  // another.
  template <class Put>
  void read_zstd(Put& put) {
    static std::mutex large_window;
    if (read_zstd(put, common_window_log)) return;
    const std::lock_guard lock{large_window};
    if (!read_zstd(put, largest_window_log)) fail("it needs too much memory to be unpacked");
  }

  // False, and nothing read, if the window is too large.
  template <class Put>
  bool read_zstd(Put& put, int window_log) {
    std::uint64_t read = 0;
    const auto source = [&](char* bytes, std::size_t size) {
      const auto part =
          static_cast<std::size_t>(std::min<std::uint64_t>(size, entry_.packed_size - read));
      read_exactly(fd_, offset_ + read, bytes, part);
      read += part;
      return part;
    };
    ZstdReader reader{source, window_log};
    auto* bytes = buffer(0, buffer_size);
    std::uint64_t written = 0;
    while (true) {
      std::size_t size = 0;
      try {
        size = reader.read(bytes, buffer_size);
      } catch (const ZstdWindowError& error) {
        if (written == 0) return false;
        fail(error.what());
      } catch (const ArchiveError& error) {
        fail(error.what());
      }
      if (size == 0) break;
      if (size > entry_.size - written) fail("it is larger than the archive says");
      written += size;
      take({bytes, size}, put);
    }
    if (written != entry_.size) fail("its size is not what the archive says");
    return true;
  }

  int fd_;
  ZipEntry entry_;
  std::uint64_t offset_ = 0;
  std::uint32_t crc_ = 0;
};

class Extractor {
 public:
  Extractor(int fd, const Root& project, const ExtractOptions& options)
      : fd_{fd},
        limits_{options.limits},
        directory_{fd},
        places_{project, "zip", options.limits.depth},
        allowance_{"zip", options.limits, directory_.file_size()},
        work_{thread_count(options.threads), window} {}

  Extracted extract() {
    directory_.check(limits_);
    check_names();
    try {
      directory_.for_each([this](const ZipEntry& entry) { extract_file(entry); });
    } catch (...) {
      // What came before is extracted; if that fails, it was the first to fail.
      work_.finish();
      throw;
    }
    work_.finish();
    directory_.for_each([this](const ZipEntry& entry) { extract_link(entry); });
    places_.restore_directories();
    return extracted_;
  }

 private:
  // The same for names that mean the same place, twice that and 1 for a directory.
  static std::uint64_t place_number(const ZipEntry& entry) {
    const std::uint64_t hash = std::hash<std::string>{}(clean_path("/" + entry.name));
    return hash << 1 | (kind_of(entry) == Kind::directory ? 1 : 0);
  }

  // Before anything is written. Only 8 bytes an entry are kept; that two names have the same number
  // by chance happens in archives that somebody has made for that.
  void check_names() const {
    std::vector<std::uint64_t> all;
    all.reserve(directory_.entries());
    directory_.for_each([&](const ZipEntry& entry) { all.push_back(place_number(entry)); });
    std::sort(all.begin(), all.end());
    // A directory may be named again.
    const auto twice = std::adjacent_find(all.begin(), all.end(), [](auto a, auto b) {
      return a >> 1 == b >> 1 && ((a & 1) == 0 || (b & 1) == 0);
    });
    if (twice == all.end()) return;
    bool first = true;
    directory_.for_each([&](const ZipEntry& entry) {
      if (place_number(entry) >> 1 != *twice >> 1) return;
      if (!std::exchange(first, false)) places_.fail(entry.name, "duplicate name");
    });
  }

  void check_method(const ZipEntry& entry) const {
    if (entry.flags & ZipEntry::encrypted_flag) places_.fail(entry.name, "it is encrypted");
    for (const auto method : {ZipMethod::stored, ZipMethod::deflated, ZipMethod::zstd})
      if (entry.is(method)) return;
    places_.fail(entry.name, "unsupported compression method " + std::to_string(entry.method));
  }

  void extract_file(const ZipEntry& entry) {
    const auto path = places_.path_of(entry.name);
    const auto kind = kind_of(entry);
    if (kind == Kind::other) places_.fail(entry.name, "it is neither file, directory nor link");
    ++extracted_.entries;
    if (kind == Kind::directory) places_.add_directory(path, metadata_of(entry));
    if (kind != Kind::file) return;
    check_method(entry);
    extracted_.size += entry.size;
    auto place = places_.place_of(entry.name, path);
    auto* const allowance = entry.is(ZipMethod::zstd) ? &allowance_ : nullptr;
    work_.push(
        [fd = fd_, entry, place = std::move(place), full = places_.project().full(path),
         allowance] {
          TargetFile file{place.directory->get(), place.name, metadata_of(entry), full};
          Content{fd, entry}.read([&](std::string_view bytes) {
            const auto written = file.write(bytes);
            if (allowance) allowance->take(written);
          });
          file.finish();
          return true;
        },
        [](bool) {});
  }

  void extract_link(const ZipEntry& entry) {
    if (kind_of(entry) != Kind::link) return;
    const auto path = places_.path_of(entry.name);
    check_method(entry);
    if (entry.size == 0 || entry.size >= PATH_MAX) places_.fail(entry.name, "not a link's target");
    std::string target;
    Content{fd_, entry}.read([&target](std::string_view bytes) { target += bytes; });
    if (target.find('\0') != std::string::npos) places_.fail(entry.name, "not a link's target");
    // Not the directory that is kept: the last link may have changed what is there.
    places_.forget();
    const auto place = places_.place_of(entry.name, path);
    make_link(place.directory->get(), place.name, target, metadata_of(entry),
              places_.project().full(path));
  }

  int fd_;
  const ExtractLimits& limits_;
  ZipDirectory directory_;
  Places places_;
  Allowance allowance_;
  Extracted extracted_;
  // Last: its threads end before what they use.
  OrderedWork<bool> work_;
};

}  // namespace

Extracted extract_zip(int fd, const Root& project, const ExtractOptions& options) {
  return Extractor{fd, project, options}.extract();
}

}  // namespace slipway::helper::archive
