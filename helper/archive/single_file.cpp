#include "helper/archive/single_file.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "helper/archive/archive_error.hpp"
#include "helper/archive/deflate.hpp"
#include "helper/archive/ordered_work.hpp"
#include "helper/archive/source_file.hpp"

namespace slipway::helper::archive {
namespace {

void put32(std::string& to, std::uint64_t value) {
  for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(value >> shift & 0xFF);
}

// The header's texts are Latin-1 that ends with a zero: anything else is percent-encoded.
std::string header_text(std::string_view text) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '%'; };
  if (std::all_of(text.begin(), text.end(), plain)) return std::string{text};
  std::string encoded = "e:";
  for (const char c : text) {
    if (plain(c) && c > ' ' && c != 0x7F) {
      encoded += c;
      continue;
    }
    constexpr auto digits = "0123456789ABCDEF";
    encoded += '%';
    encoded += digits[static_cast<unsigned char>(c) >> 4];
    encoded += digits[static_cast<unsigned char>(c) & 15];
  }
  return encoded;
}

std::string member_header(std::string_view path, std::int64_t mtime) {
  constexpr char name_and_comment = 0x08 | 0x10;
  constexpr char made_on_unix = 3;
  std::string header{"\x1F\x8B\x08", 3};
  header += name_and_comment;
  put32(header, mtime > 0 && mtime <= 0xFFFFFFFF ? static_cast<std::uint64_t>(mtime) : 0);
  header += '\0';
  header += made_on_unix;
  header += header_text(path.substr(path.rfind('/') + 1)) + '\0';
  header += header_text(path) + '\0';
  return header;
}

SourceFile open_file(const Root& project, std::string_view path) {
  auto file = SourceFile::find(project, path);
  if (!file) throw ArchiveError{std::string{path} + ": it is gone"};
  return std::move(*file);
}

class GzipWriter {
 public:
  GzipWriter(const Root& project, const PackOptions& options, const Sink& sink)
      : project_{project},
        sink_{sink},
        level_{std::max(1, deflate_level(options.level))},
        work_{thread_count(options.threads), 2 * thread_count(options.threads) + 2} {}

  void write(const PathList& files) {
    for (const auto path : files) add(path);
    work_.finish();
  }

 private:
  struct Member {
    SourceFile file;
    std::string header;
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
  };

  void add(std::string_view path) {
    auto file = open_file(project_, path);
    auto header = member_header(path, file.status().st_mtime);
    const auto member = std::make_shared<Member>(std::move(file), std::move(header));
    // An empty file has one piece, too.
    const auto size = std::max<std::uint64_t>(member->file.size(), 1);
    for (std::uint64_t at = 0; at < size; at += piece_size) {
      work_.push([member, at,
                  level = level_] { return pack_piece(member->file.read(at, piece_size), level); },
                 [this, member, first = at == 0, last = at + piece_size >= size](
                     const Packed& piece) { put(*member, piece, first, last); });
    }
  }

  void put(Member& member, const Packed& piece, bool first, bool last) const {
    if (first) sink_(member.header);
    sink_(piece.data);
    member.crc = crc32_of_both(member.crc, piece.crc, piece.size);
    member.size += piece.size;
    if (!last) return;
    std::string end{deflate_end};
    put32(end, member.crc);
    put32(end, member.size);
    sink_(end);
  }

  const Root& project_;
  const Sink& sink_;
  int level_;
  OrderedWork<Packed> work_;
};

}  // namespace

void write_gzip(const Root& project, const PathList& files, const PackOptions& options,
                const Sink& sink) {
  GzipWriter{project, options, sink}.write(files);
}

void write_raw(const Root& project, const PathList& files, const Sink& sink) {
  if (files.size() != 1) throw ArchiveError{"only one file can be sent as raw"};
  const auto file = open_file(project, *files.begin());
  for (std::uint64_t at = 0; at < file.size(); at += piece_size) {
    const auto bytes = file.read(at, piece_size);
    sink(bytes);
    if (bytes.size() < piece_size) break;
  }
}

}  // namespace slipway::helper::archive
