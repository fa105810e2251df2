#include "helper/archive/zstd_frames.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::uint32_t frame_magic = 0xFD2FB528;
constexpr std::uint32_t skippable_magic = 0x184D2A50;  // and the 15 that follow
constexpr std::uint32_t checksum_flag = 1 << 2;
constexpr std::uint32_t reserved_flag = 1 << 3;
constexpr std::uint32_t single_segment_flag = 1 << 5;

class Walk {
 public:
  explicit Walk(int fd) : fd_{fd} {
    struct stat status {};
    if (fstat(fd, &status) != 0) throw_errno();
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  void all_frames() {
    do {
      const auto magic = number(4);
      if (magic == frame_magic)
        frame();
      else if ((magic & ~std::uint32_t{15}) == skippable_magic)
        skip(number(4));
      else
        throw ArchiveError{"tar.zst: something else follows the data"};
    } while (at_ < size_);
  }

 private:
  [[noreturn]] static void throw_errno() {
    throw std::system_error{errno, std::generic_category(), "tar.zst"};
  }
  [[noreturn]] static void truncated() { throw ArchiveError{"tar.zst: it is truncated"}; }
  [[noreturn]] static void broken() { throw ArchiveError{"tar.zst: its data is broken"}; }

  void skip(std::uint64_t size) {
    if (size > size_ - at_) truncated();
    at_ += size;
  }

  // Little-endian, of at most 4 bytes.
  std::uint32_t number(std::size_t size) {
    unsigned char bytes[4];
    const auto begin = at_;
    skip(size);
    ssize_t got = 0;
    do got = pread(fd_, bytes, size, static_cast<off_t>(begin));
    while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno();
    if (static_cast<std::size_t>(got) != size) truncated();
    std::uint32_t value = 0;
    for (auto i = size; i > 0; --i) value = value << 8 | bytes[i - 1];
    return value;
  }

  void frame() {
    constexpr std::uint64_t dictionary_sizes[] = {0, 1, 2, 4};
    constexpr std::uint64_t content_sizes[] = {0, 2, 4, 8};
    const auto flags = number(1);
    if (flags & reserved_flag) broken();
    const bool single = flags & single_segment_flag;
    const auto content = flags >> 6;
    skip((single ? 0 : 1) + dictionary_sizes[flags & 3] +
         (single && content == 0 ? 1 : content_sizes[content]));
    while (!block()) {
    }
    if (flags & checksum_flag) skip(4);
  }

  // True for a frame's last one.
  bool block() {
    enum Type { raw, repeated, compressed, reserved };
    const auto header = number(3);
    const auto type = header >> 1 & 3;
    if (type == reserved) broken();
    skip(type == repeated ? 1 : header >> 3);
    return header & 1;
  }

  int fd_;
  std::uint64_t at_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace

void check_zstd_frames(int fd) {
  Walk{fd}.all_frames();
}

}  // namespace slipway::helper::archive
