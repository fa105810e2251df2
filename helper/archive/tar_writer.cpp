#include "helper/archive/tar_writer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "helper/archive/deflate.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/source_entry.hpp"
#include "helper/archive/source_file.hpp"
#include "helper/archive/tar_format.hpp"
#include "helper/archive/zstd.hpp"

namespace slipway::helper::archive {
namespace {

// Each thread holds a part before packing, each part that waits for its turn one after it, which is
// as large if it cannot be packed: some 53 MiB at worst.
constexpr std::uint64_t part_size = 9 << 20;
constexpr unsigned most_threads = 2;
constexpr std::size_t sample_size = 4 << 10;

// Twice the library's window and table at level 3 bring back what short parts cost in size; a small
// table at level 11, which would have 24 MiB a thread.
ZstdEffort effort_of(CompressionLevel level) {
  ZstdEffort effort{tar_zstd_level(level), 22};
  if (effort.level == 3) effort.hash_log = effort.chain_log = 17;
  if (effort.level == 11) effort.hash_log = 20;
  return effort;
}

// A header, then a file or a part of one, then zeros.
struct Segment {
  std::string header;
  std::string path;                        // of a small file, opened when its turn comes
  std::shared_ptr<const SourceFile> file;  // of a large one
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::size_t padding = 0;
  bool begins_entry = true;
  bool ends_entry = true;
};

struct Part {
  std::vector<Segment> segments;
  std::uint64_t size = 0;
};

struct PackedPart {
  std::vector<Bytes> frames;
  std::vector<std::string> warnings;
  std::uint64_t entries = 0;
  std::uint64_t size = 0;  // of the files
};

// Makes one part, on a thread of its own: two frames, the second of the files that cannot be
// packed. Between the others they would cost time and, above all, size: what is known of text is
// gone after 50 KB of noise.
class PartPacker {
 public:
  PartPacker(const Root& project, const Part& part)
      : project_{project}, part_{part}, bytes_{buffer(part.size)}, noise_begin_{part.size} {}

  PackedPart pack(CompressionLevel level) {
    // A part of a file has its place.
    const bool in_order = std::any_of(
        part_.segments.begin(), part_.segments.end(),
        [](const Segment& segment) { return !segment.begins_entry || !segment.ends_entry; });
    for (const auto& segment : part_.segments) add(segment, in_order);
    const std::string_view text{bytes_, text_end_};
    const std::string_view noise{bytes_ + noise_begin_, part_.size - noise_begin_};
    packed_.frames.push_back(zstd_frame(text, effort_of(level)));
    if (!noise.empty())
      packed_.frames.push_back(zstd_frame(noise, effort_of(CompressionLevel::normal)));
    return std::move(packed_);
  }

 private:
  static char* buffer(std::size_t size) {
    thread_local Bytes kept;
    if (kept.size < size) kept = make_bytes(std::max<std::size_t>(size, part_size + piece_size));
    return kept.data.get();
  }

  // Text fills the buffer from its beginning, noise from its end.
  void add(const Segment& segment, bool in_order) {
    auto file = segment.file;
    if (!file && segment.size > 0) {
      auto found = SourceFile::find(project_, segment.path);
      if (!found) return packed_.warnings.push_back(gone_text(segment.path));
      file = std::make_shared<const SourceFile>(std::move(*found));
    }
    if (segment.begins_entry) ++packed_.entries;
    packed_.size += segment.size;
    auto* const begin = bytes_ + text_end_;
    auto* const data = std::copy(segment.header.begin(), segment.header.end(), begin);
    const auto size = static_cast<std::size_t>(segment.size);
    const auto got = file ? file->read_to(data, segment.offset, size) : 0;
    std::fill_n(data + got, size - got + segment.padding, '\0');
    if (got < size)
      packed_.warnings.push_back(segment.path + ": it shrank while it was archived; the rest of " +
                                 std::to_string(size - got) + " bytes is zeros");
    const auto all = segment.header.size() + size + segment.padding;
    if (in_order || !looks_random({data, std::min(got, sample_size)})) {
      text_end_ += all;
    } else {
      noise_begin_ -= all;
      std::memmove(bytes_ + noise_begin_, begin, all);
    }
  }

  const Root& project_;
  const Part& part_;
  PackedPart packed_;
  char* bytes_;
  std::size_t text_end_ = 0;
  std::size_t noise_begin_;
};

unsigned threads_of(const PackOptions& options) {
  return std::min(thread_count(options.threads), most_threads);
}

class Writer {
 public:
  Writer(const Root& project, const PackOptions& options, const Sink& sink)
      : project_{project},
        options_{options},
        sink_{sink},
        work_{threads_of(options), threads_of(options) + 1} {}

  ArchiveContents write(const PathList& files) {
    for (const auto path : files) add(path);
    add({.header = tar_end(), .path = {}, .file = {}, .begins_entry = false});
    push();
    work_.finish();
    return contents_;
  }

 private:
  void add(std::string_view path) {
    const auto found = look_at(project_, path, options_.warn);
    if (!found) return;
    const auto& status = found->status;
    TarEntry entry;
    entry.name = path;
    entry.target = found->target;
    entry.kind = static_cast<char>(S_ISDIR(status.st_mode)   ? TarKind::directory
                                   : S_ISLNK(status.st_mode) ? TarKind::link
                                                             : TarKind::file);
    if (S_ISDIR(status.st_mode)) entry.name += '/';
    entry.mode = status.st_mode & 07777;
    entry.mtime = status.st_mtime;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    if (!S_ISREG(status.st_mode)) return add({.header = tar_header(entry), .path = {}, .file = {}});
    entry.size = static_cast<std::uint64_t>(status.st_size);
    if (entry.size > piece_size) return add_large(std::move(entry));
    add({.header = tar_header(entry),
         .path = entry.name,
         .file = {},
         .size = entry.size,
         .padding = tar_padding(entry.size)});
  }

  // One that may go over several parts.
  void add_large(TarEntry entry) {
    auto found = SourceFile::find(project_, entry.name);
    if (!found) return options_.warn(gone_text(entry.name));
    const auto file = std::make_shared<const SourceFile>(std::move(*found));
    entry.size = file->size();
    std::uint64_t at = 0;
    do {
      Segment segment{.header = {}, .path = entry.name, .file = file};
      if (at == 0) segment.header = tar_header(entry);
      segment.begins_entry = at == 0;
      segment.offset = at;
      segment.size = std::min(part_size - std::min(part_size, part_.size), entry.size - at);
      at += segment.size;
      segment.ends_entry = at == entry.size;
      if (at == entry.size) segment.padding = tar_padding(entry.size);
      add(std::move(segment));
    } while (at < entry.size);
  }

  void add(Segment segment) {
    part_.size += segment.header.size() + segment.size + segment.padding;
    part_.segments.push_back(std::move(segment));
    if (part_.size >= part_size) push();
  }

  void push() {
    auto part = std::make_shared<const Part>(std::exchange(part_, {}));
    work_.push(
        [this, part] {
          return PartPacker{project_, *part}.pack(options_.level);
        },
        [this](PackedPart packed) { put(std::move(packed)); });
  }

  void put(PackedPart packed) {
    for (const auto& warning : packed.warnings) options_.warn(warning);
    contents_.entries += packed.entries;
    contents_.size += packed.size;
    for (const auto& frame : packed.frames) {
      sink_(frame.view());
      contents_.packed += frame.size;
    }
  }

  const Root& project_;
  const PackOptions& options_;
  const Sink& sink_;
  ArchiveContents contents_;
  Part part_;
  // Last: its threads end before what they use.
  OrderedWork<PackedPart> work_;
};

}  // namespace

ArchiveContents write_tar_zstd(const Root& project, const PathList& files,
                               const PackOptions& options, const Sink& sink) {
  return Writer{project, options, sink}.write(files);
}

}  // namespace slipway::helper::archive
