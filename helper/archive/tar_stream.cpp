#include "helper/archive/tar_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

// As much as zstd's own program takes without being asked.
constexpr int window_log = 27;
constexpr std::uint64_t longest_header = 1 << 20;
constexpr int most_headers = 64;  // of one entry
// Who writes tapes fills up the last record; none is larger.
constexpr std::uint64_t largest_record = 4 << 20;

// Every read begins where the last one ended, whatever others do with the descriptor.
ZstdReader::Source read_from(int fd) {
  return [fd, offset = std::uint64_t{0}](char* bytes, std::size_t size) mutable -> std::size_t {
    while (true) {
      const auto got = pread(fd, bytes, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error{errno, std::generic_category(), "tar.zst"};
      offset += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  };
}

bool is_zeros(const std::string& block) {
  return block.find_first_not_of('\0') == std::string::npos;
}

// Those that only have a header, whatever size stands in it.
bool has_no_bytes(char kind) {
  return kind >= '1' && kind <= '6';
}

}  // namespace

TarStream::TarStream(int fd) : reader_{read_from(fd), window_log} {}

void TarStream::fail(const std::string& problem) const {
  throw ArchiveError{"tar.zst: " + (name_.empty() ? "" : name_ + ": ") + problem};
}

std::size_t TarStream::fill(char* bytes, std::size_t size) {
  try {
    return reader_.read(bytes, size);
  } catch (const ArchiveError& error) {
    fail(error.what());
  }
}

void TarStream::read(char* bytes, std::size_t size) {
  if (fill(bytes, size) != size) fail("it is truncated");
  left_ -= size;
}

void TarStream::skip(std::uint64_t size) {
  char scratch[16 << 10];
  while (size > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, sizeof scratch));
    if (fill(scratch, part) != part) fail("it is truncated");
    size -= part;
  }
}

// False at the end of the stream.
bool TarStream::read_block(std::string& block) {
  block.resize(tar_block);
  const auto got = fill(block.data(), block.size());
  if (got != 0 && got != block.size()) fail("it is truncated");
  return got != 0;
}

// What an extended header holds.
std::string TarStream::read_text(const TarEntry& header) {
  if (header.size > longest_header) fail("a header of it is too long");
  std::string text(static_cast<std::size_t>(header.size), '\0');
  if (fill(text.data(), text.size()) != text.size()) fail("it is truncated");
  skip(tar_padding(header.size));
  return text;
}

std::optional<TarEntry> TarStream::next() {
  skip(left_ + padding_);
  left_ = padding_ = 0;
  std::string block;
  std::string name;
  std::string target;
  std::string records;
  for (int headers = 0; headers < most_headers; ++headers) {
    if (!read_block(block)) {
      if (headers > 0) fail("it is truncated");
      if (name_.empty()) fail("not a tar archive");
      return std::nullopt;
    }
    if (is_zeros(block)) {
      if (headers > 0) fail("a header without its entry");
      check_end();
      return std::nullopt;
    }
    auto entry = parse_tar_header(block);
    if (!entry) fail(name_.empty() ? "not a tar archive" : "something else follows it");
    if (entry->is(TarKind::pax_global) || entry->is(TarKind::gnu_volume)) {
      // Nothing that holds for all entries is of use here.
      read_text(*entry);
    } else if (entry->is(TarKind::pax)) {
      records = read_text(*entry);
    } else if (entry->is(TarKind::gnu_name) || entry->is(TarKind::gnu_target)) {
      const bool of_name = entry->is(TarKind::gnu_name);
      auto text = read_text(*entry);
      text.resize(std::min(text.find('\0'), text.size()));
      (of_name ? name : target) = std::move(text);
    } else {
      if (!name.empty()) entry->name = std::move(name);
      if (!target.empty()) entry->target = std::move(target);
      const auto problem = apply_pax_records(records, *entry);
      name_ = entry->name;
      if (!problem.empty()) fail(problem);
      if (has_no_bytes(entry->kind)) entry->size = 0;
      left_ = entry->size;
      padding_ = tar_padding(entry->size);
      return entry;
    }
  }
  fail("too many headers for one entry");
}

// Also reads what zstd has to say of it.
void TarStream::check_end() {
  name_.clear();
  std::string block;
  for (std::uint64_t size = 0; read_block(block); size += block.size())
    if (!is_zeros(block) || size > largest_record) fail("something else follows the archive's end");
}

}  // namespace slipway::helper::archive
