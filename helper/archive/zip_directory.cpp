#include "helper/archive/zip_directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t longest_tail = end_record_size + 0xFFFF;
constexpr std::size_t window = 256 << 10;  // a header has at most three times 64 KiB

[[noreturn]] void broken() {
  throw ArchiveError{"zip: the central directory is broken"};
}

}  // namespace

void read_exactly(int fd, std::uint64_t offset, char* bytes, std::size_t size) {
  while (size > 0) {
    const auto got = pread(fd, bytes, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error{errno, std::generic_category(), "zip"};
    if (got == 0) throw ArchiveError{"zip: the archive is truncated"};
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
}

ZipDirectory::ZipDirectory(int fd) : fd_{fd} {
  struct stat status {};
  if (fstat(fd, &status) != 0) throw std::system_error{errno, std::generic_category(), "zip"};
  file_size_ = static_cast<std::uint64_t>(status.st_size);
  std::string tail(std::min<std::uint64_t>(file_size_, longest_tail), '\0');
  read_exactly(fd, file_size_ - tail.size(), tail.data(), tail.size());
  const auto at = find_end_record(tail);
  if (!at) throw ArchiveError{"zip: not a valid zip file"};
  auto end = *parse_end_record(std::string_view{tail}.substr(*at));
  auto end_offset = file_size_ - tail.size() + *at;
  if (end_offset >= zip64_locator_size) {
    std::string bytes(zip64_locator_size, '\0');
    read_exactly(fd, end_offset - bytes.size(), bytes.data(), bytes.size());
    if (const auto place = parse_zip64_locator(bytes)) {
      bytes.resize(zip64_end_size);
      if (*place > end_offset) broken();
      read_exactly(fd, *place, bytes.data(), bytes.size());
      const auto large = parse_zip64_end(bytes);
      if (!large) broken();
      end = *large;
      end_offset = *place;
    }
  }
  if (end.size > end_offset || end.offset > end_offset - end.size) broken();
  begin_ = end_offset - end.size;
  shift_ = begin_ - end.offset;
  size_ = end.size;
  entries_ = end.entries;
  if (entries_ > size_ / central_header_size) broken();
}

void ZipDirectory::for_each(const std::function<void(const ZipEntry&)>& visit) const {
  std::string buffer;
  std::size_t used = 0;
  std::uint64_t next = begin_;
  const auto end = begin_ + size_;
  const auto have = [&](std::size_t size) {
    if (buffer.size() - used >= size) return true;
    buffer.erase(0, std::exchange(used, 0));
    const auto old = buffer.size();
    buffer.resize(old + static_cast<std::size_t>(std::min<std::uint64_t>(window, end - next)));
    read_exactly(fd_, next, buffer.data() + old, buffer.size() - old);
    next += buffer.size() - old;
    return buffer.size() >= size;
  };
  for (std::uint64_t i = 0; i < entries_; ++i) {
    if (!have(central_header_size)) broken();
    const auto lengths = parse_central_lengths(std::string_view{buffer}.substr(used));
    if (!lengths || !have(lengths->all())) broken();
    auto entry = parse_central_header(std::string_view{buffer}.substr(used, lengths->all()));
    if (!entry) broken();
    used += lengths->all();
    if (entry->offset >= begin_ || entry->packed_size > begin_ - entry->offset) broken();
    entry->offset += shift_;
    visit(*entry);
  }
  if (used != buffer.size() || next != end) broken();
}

void ZipDirectory::check(const ExtractLimits& limits) const {
  if (entries_ > limits.entries)
    throw ArchiveError{"zip: " + std::to_string(entries_) + " entries are more than the limit of " +
                       std::to_string(limits.entries)};
  std::uint64_t total = 0;
  std::uint64_t deflated = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  ranges.reserve(entries_);
  for_each([&](const ZipEntry& entry) {
    const auto room = limits.size - std::min(limits.size, total);
    if (entry.size > room)
      throw ArchiveError{"zip: the files are larger than the limit of " +
                         std::to_string(limits.size) + " bytes"};
    total += entry.size;
    if (!entry.is(ZipMethod::zstd)) deflated += entry.size;
    ranges.emplace_back(entry.offset,
                        entry.offset + local_header_size + entry.name.size() + entry.packed_size);
  });
  if (deflated > limits.ratio_from && deflated / limits.ratio > file_size_)
    throw ArchiveError{"zip: the files are more than " + std::to_string(limits.ratio) +
                       " times as large as the archive"};
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t free = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < free) throw ArchiveError{"zip: entries overlap"};
    free = end;
  }
  if (free > begin_) throw ArchiveError{"zip: entries overlap"};
}

}  // namespace slipway::helper::archive
