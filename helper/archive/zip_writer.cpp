#include "helper/archive/zip_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/deflate.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/source_entry.hpp"
#include "helper/archive/source_file.hpp"
#include "helper/archive/zip_format.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t longest_name = 0xFFFF;
constexpr std::size_t directory_block = 256 << 10;
constexpr std::uint64_t largest_kept = 4 << 20;  // of a file, packed, until its turn comes

// A file that is packed in pieces.
struct LargeFile {
  ZipEntry entry;
  SourceFile file;
  bool big = false;
};

class Writer {
 public:
  Writer(const Root& project, const PackOptions& options, const Sink& sink)
      : project_{project},
        options_{options},
        sink_{sink},
        zstd_{options.zip_packing == ZipPacking::zstd},
        level_{zstd_ ? zip_zstd_level(options.level) : deflate_level(options.level)},
        work_{thread_count(options.threads), 2 * thread_count(options.threads) + 2} {}

  ArchiveContents write(const PathList& files) {
    for (const auto path : files) add(path);
    work_.finish();
    const auto offset = contents_.packed;
    put_directory();
    put(end_of_directory(contents_.entries, contents_.packed - offset, offset));
    return contents_;
  }

 private:
  void put(std::string_view bytes) {
    sink_(bytes);
    contents_.packed += bytes.size();
  }

  void warn_gone(std::string_view path) const { options_.warn(gone_text(path)); }

  void add(std::string_view path) {
    auto found = look_at(project_, path, options_.warn);
    if (!found) return;
    const auto& status = found->status;
    ZipEntry entry;
    entry.name = path;
    if (S_ISDIR(status.st_mode)) entry.name += '/';
    if (entry.name.size() > longest_name)
      throw ArchiveError{std::string{path.substr(0, 100)} + "…: the name is too long for a zip"};
    mark_utf8(entry);
    entry.mode = status.st_mode;
    entry.mtime = status.st_mtime;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!S_ISREG(status.st_mode))
      add_ready(std::move(entry), std::move(found->target));
    else if (size <= piece_size)
      add_small(entry);
    else if (!zstd_)
      add_large(std::move(entry));
    else
      add_zstd(std::move(entry), size);
  }

  // In its turn, like what has to be packed.
  void add_ready(ZipEntry entry, std::string content) {
    Packed packed;
    packed.size = content.size();
    packed.crc = crc32(content);
    packed.data = std::move(content);
    work_.push([packed = std::move(packed)]() -> std::optional<Packed> { return packed; },
               [this, entry = std::move(entry)](std::optional<Packed> ready) {
                 finish_small(entry, *ready);
               });
  }

  void add_small(const ZipEntry& entry) {
    work_.push(
        [this, name = entry.name]() -> std::optional<Packed> {
          const auto file = SourceFile::find(project_, name);
          if (!file) return std::nullopt;
          const auto bytes = file->read(0, piece_size);
          return zstd_ ? pack_whole_by_zstd(bytes) : pack_whole(bytes, level_);
        },
        [this, entry](std::optional<Packed> packed) {
          if (packed)
            finish_small(entry, *packed);
          else
            warn_gone(entry.name);
        });
  }

  void finish_small(ZipEntry entry, const Packed& packed) {
    entry.method = static_cast<std::uint16_t>(!packed.smaller ? ZipMethod::stored
                                              : zstd_         ? ZipMethod::zstd
                                                              : ZipMethod::deflated);
    entry.crc = packed.crc;
    entry.size = packed.size;
    entry.packed_size = packed.data.size();
    entry.offset = contents_.packed;
    put(local_header(entry, false));
    put(packed.data);
    finish_entry(entry);
  }

  Packed pack_whole_by_zstd(std::string_view bytes) const {
    auto packed = pack_whole(bytes, 0);
    if (bytes.empty() || !is_worth_packing(bytes)) return packed;
    auto data = zstd_pack(bytes, level_, bytes.size() - 1);
    packed.smaller = !data.empty();
    if (packed.smaller) packed.data = std::move(data);
    return packed;
  }

  // One frame from one thread; the other threads have files of their own meanwhile, unless this one
  // is too large to be kept until its turn.
  void add_zstd(ZipEntry entry, std::uint64_t size) {
    auto file = SourceFile::find(project_, entry.name);
    if (!file) return warn_gone(entry.name);
    const auto large = std::make_shared<LargeFile>(std::move(entry), std::move(*file));
    if (size > largest_kept) {
      work_.finish();
      return add_huge_zstd(*large);
    }
    work_.push(
        [this, large]() -> std::optional<Packed> {
          Packed packed;
          packed.smaller = worth_packing(large->file);
          const Sink keep = [&](std::string_view bytes) { packed.data += bytes; };
          pack_frame(*large, packed.smaller, keep);
          packed.size = large->entry.size;
          packed.crc = large->entry.crc;
          return packed;
        },
        [this, large](std::optional<Packed> packed) { finish_small(large->entry, *packed); });
  }

  void add_huge_zstd(LargeFile& large) {
    auto& entry = large.entry;
    const bool packing = worth_packing(large.file);
    entry.method = static_cast<std::uint16_t>(packing ? ZipMethod::zstd : ZipMethod::stored);
    entry.flags |= ZipEntry::descriptor_flag;
    entry.offset = contents_.packed;
    large.big = large.file.size() >= zip64_from;
    put(local_header(entry, large.big));
    const auto begin = contents_.packed;
    const Sink send = [this](std::string_view bytes) { put(bytes); };
    pack_frame(large, packing, send);
    entry.packed_size = contents_.packed - begin;
    put(data_descriptor(entry, large.big));
    finish_entry(entry);
  }

  // Also sets the size and sum.
  void pack_frame(LargeFile& large, bool packing, const Sink& out) const {
    std::optional<ZstdFrame> frame;
    if (packing) frame.emplace(ZstdEffort{level_}, out);
    const auto size = large.file.size();
    for (std::uint64_t at = 0; at < size; at += piece_size) {
      const auto bytes = large.file.read(
          at, static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, size - at)));
      large.entry.crc = crc32(bytes, large.entry.crc);
      large.entry.size += bytes.size();
      frame ? frame->add(bytes) : out(bytes);
      if (bytes.size() < piece_size) break;
    }
    if (frame) frame->finish();
  }

  void add_large(ZipEntry entry) {
    auto file = SourceFile::find(project_, entry.name);
    if (!file) return warn_gone(entry.name);
    const auto large = std::make_shared<LargeFile>(std::move(entry), std::move(*file));
    // A file that has shrunk since it was looked at still gets its one piece.
    const auto size = std::max<std::uint64_t>(large->file.size(), 1);
    const bool deflated = level_ > 0 && worth_packing(large->file);
    large->entry.method =
        static_cast<std::uint16_t>(deflated ? ZipMethod::deflated : ZipMethod::stored);
    large->entry.flags |= ZipEntry::descriptor_flag;
    large->big = size >= zip64_from;
    for (std::uint64_t at = 0; at < size; at += piece_size) {
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, size - at));
      work_.push(
          [large, at, length, level = deflated ? level_ : 0]() -> std::optional<Packed> {
            const auto bytes = large->file.read(at, length);
            return level > 0 ? pack_piece(bytes, level) : pack_whole(bytes, 0);
          },
          [this, large, at, last = at + length == size](std::optional<Packed> piece) {
            add_piece(*large, *piece, at == 0, last);
          });
    }
  }

  // A look at the beginning, the middle and the end.
  static bool worth_packing(const SourceFile& file) {
    constexpr std::size_t sample = 64 << 10;
    if (file.size() < sample) return true;
    for (const auto at : {std::uint64_t{0}, file.size() / 2, file.size() - sample})
      if (is_compressible(file.read(at, sample))) return true;
    return false;
  }

  void add_piece(LargeFile& large, const Packed& piece, bool first, bool last) {
    auto& entry = large.entry;
    if (first) {
      entry.offset = contents_.packed;
      put(local_header(entry, large.big));
    }
    put(piece.data);
    entry.crc = crc32_of_both(entry.crc, piece.crc, piece.size);
    entry.size += piece.size;
    entry.packed_size += piece.data.size();
    if (!last) return;
    if (entry.method == static_cast<std::uint16_t>(ZipMethod::deflated)) {
      put(deflate_end);
      entry.packed_size += deflate_end.size();
    }
    put(data_descriptor(entry, large.big));
    finish_entry(entry);
  }

  void finish_entry(const ZipEntry& entry) {
    ++contents_.entries;
    contents_.size += entry.size;
    const auto header = central_header(entry);
    if (block_.size() + header.size() > directory_block) close_block();
    block_ += header;
  }

  // The directory has to wait for the archive's end; its names have much in common.
  void close_block() {
    directory_.push_back(pack_whole(block_, 1));
    block_.clear();
  }

  void put_directory() {
    close_block();
    for (const auto& packed : directory_) {
      if (!packed.smaller) {
        put(packed.data);
        continue;
      }
      block_.resize(static_cast<std::size_t>(packed.size));
      if (!inflate_whole(packed.data, block_.data(), block_.size()))
        throw ArchiveError{"zip: the directory is lost"};
      put(block_);
    }
  }

  const Root& project_;
  const PackOptions& options_;
  const Sink& sink_;
  bool zstd_;
  int level_;
  ArchiveContents contents_;
  std::vector<Packed> directory_;
  std::string block_;  // of the directory, the last one
  // Last: its threads end before what they use.
  OrderedWork<std::optional<Packed>> work_;
};

}  // namespace

ArchiveContents write_zip(const Root& project, const PathList& files, const PackOptions& options,
                          const Sink& sink) {
  return Writer{project, options, sink}.write(files);
}

}  // namespace slipway::helper::archive
