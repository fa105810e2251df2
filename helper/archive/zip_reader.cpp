#include "helper/archive/zip_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/clean_path.hpp"
#include "helper/archive/deflate.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/target_file.hpp"
#include "helper/archive/zip_writer.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t whole_size = 1 << 20;  // up to this, a file is unpacked in one go
constexpr std::size_t buffer_size = 256 << 10;
// How many files are under way; each may hold a descriptor of another directory.
constexpr std::size_t window = 128;

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
    if (is(ZipMethod::stored))
      read_stored(put);
    else if (entry_.size <= whole_size && entry_.packed_size <= whole_size)
      read_whole(put);
    else
      read_stream(put);
    if (crc_ != entry_.crc) fail("checksum error");
  }

 private:
  [[noreturn]] void fail(const char* problem) const {
    throw ArchiveError{"zip: " + entry_.name + ": " + problem};
  }
  bool is(ZipMethod method) const { return entry_.method == static_cast<std::uint16_t>(method); }

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
    if (!inflate_whole({packed, packed_size}, bytes, size)) fail("its data is broken");
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

  int fd_;
  ZipEntry entry_;
  std::uint64_t offset_ = 0;
  std::uint32_t crc_ = 0;
};

class Extractor {
 public:
  Extractor(int fd, const Root& project, const ExtractOptions& options)
      : fd_{fd},
        project_{project},
        limits_{options.limits},
        directory_{fd},
        work_{thread_count(options.threads), window} {}

  Extracted extract() {
    directory_.check(limits_);
    check_names();
    directory_.for_each([this](const ZipEntry& entry) { extract_file(entry); });
    work_.finish();
    directory_.for_each([this](const ZipEntry& entry) { extract_link(entry); });
    restore_directories();
    return extracted_;
  }

 private:
  [[noreturn]] static void fail(const ZipEntry& entry, const std::string& problem) {
    throw ArchiveError{"zip: " + entry.name + ": " + problem};
  }

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
      if (!std::exchange(first, false)) fail(entry, "duplicate name");
    });
  }

  // Where the entry goes, a clean path that does not leave the project.
  std::string path_of(const ZipEntry& entry) const {
    if (entry.name.empty() || entry.name.find('\0') != std::string::npos)
      fail(entry, "not a file name");
    auto name = std::string_view{entry.name};
    name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
    auto path = clean_path(name);
    if (leaves(path)) fail_outside(path);
    const auto depth = static_cast<std::uint64_t>(std::count(path.begin(), path.end(), '/')) + 1;
    if (depth > limits_.depth)
      fail(entry, "deeper than the limit of " + std::to_string(limits_.depth) + " directories");
    return path;
  }

  [[noreturn]] void fail_outside(const std::string& path) const {
    throw ArchiveError{clean_path(project_.full(path)) +
                       " cannot be extracted outside of chroot (" + project_.path() + ")"};
  }

  std::shared_ptr<Fd> open_directory(const std::string& path, bool create) const {
    auto fd = project_.open_directory(path, create);
    if (!fd && errno == EXDEV) fail_outside(path);
    if (!fd) throw std::system_error{errno, std::generic_category(), project_.full(path)};
    return std::make_shared<Fd>(std::move(fd));
  }

  // The directory of `path`, which is made, and the name in it. Neighbours in the archive are
  // mostly neighbours on the disk.
  std::pair<std::shared_ptr<Fd>, std::string> place_of(const ZipEntry& entry,
                                                       const std::string& path) {
    if (path == ".") fail(entry, "not a file name");
    const auto slash = path.rfind('/');
    const auto parent = slash == std::string::npos ? "." : path.substr(0, slash);
    if (!last_parent_ || parent != last_parent_path_) {
      last_parent_ = open_directory(parent, true);
      last_parent_path_ = parent;
    }
    return {last_parent_, path.substr(slash == std::string::npos ? 0 : slash + 1)};
  }

  void check_method(const ZipEntry& entry) const {
    if (entry.flags & ZipEntry::encrypted_flag) fail(entry, "it is encrypted");
    if (entry.method != static_cast<std::uint16_t>(ZipMethod::stored) &&
        entry.method != static_cast<std::uint16_t>(ZipMethod::deflated))
      fail(entry, "unsupported compression method " + std::to_string(entry.method));
  }

  void extract_file(const ZipEntry& entry) {
    const auto path = path_of(entry);
    const auto kind = kind_of(entry);
    if (kind == Kind::other) fail(entry, "it is neither file, directory nor link");
    ++extracted_.entries;
    if (kind == Kind::directory) {
      if (path == ".") return;
      open_directory(path, true);
      directories_.push_back({path, metadata_of(entry)});
    }
    if (kind != Kind::file) return;
    check_method(entry);
    extracted_.size += entry.size;
    auto [parent, name] = place_of(entry, path);
    work_.push(
        [fd = fd_, entry, parent = std::move(parent), name = std::move(name),
         full = project_.full(path)] {
          TargetFile file{parent->get(), name, metadata_of(entry), full};
          Content{fd, entry}.read([&file](std::string_view bytes) { file.write(bytes); });
          file.finish();
          return true;
        },
        [](bool) {});
  }

  void extract_link(const ZipEntry& entry) {
    if (kind_of(entry) != Kind::link) return;
    const auto path = path_of(entry);
    check_method(entry);
    if (entry.size == 0 || entry.size >= PATH_MAX) fail(entry, "not a link's target");
    std::string target;
    Content{fd_, entry}.read([&target](std::string_view bytes) { target += bytes; });
    if (target.find('\0') != std::string::npos) fail(entry, "not a link's target");
    // Not the one that is kept: the last link may have changed what is there.
    last_parent_.reset();
    const auto [parent, name] = place_of(entry, path);
    make_link(parent->get(), name, target, metadata_of(entry), project_.full(path));
  }

  // What is below first: it may be out of reach afterwards.
  void restore_directories() {
    std::sort(directories_.begin(), directories_.end(),
              [](const auto& a, const auto& b) { return a.path > b.path; });
    for (const auto& [path, metadata] : directories_) {
      const auto fd = open_directory(path, false);
      restore_directory(fd->get(), metadata, project_.full(path));
    }
  }

  struct Directory {
    std::string path;
    Metadata metadata;
  };

  int fd_;
  const Root& project_;
  const ExtractLimits& limits_;
  ZipDirectory directory_;
  Extracted extracted_;
  std::vector<Directory> directories_;
  std::shared_ptr<Fd> last_parent_;
  std::string last_parent_path_;
  OrderedWork<bool> work_;
};

}  // namespace

Extracted extract_zip(int fd, const Root& project, const ExtractOptions& options) {
  return Extractor{fd, project, options}.extract();
}

}  // namespace slipway::helper::archive
