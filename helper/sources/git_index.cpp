#include "helper/sources/git_index.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

namespace slipway::helper {
namespace {

constexpr off_t largest_index = 1 << 30;
constexpr std::size_t header_size = 12;
/// Of an entry: ten 32-bit fields before the hash, of which the seventh is the mode.
constexpr std::size_t stat_size = 40;
constexpr std::size_t mode_offset = 24;
constexpr std::uint32_t type_mask = 0170000;
constexpr std::uint32_t gitlink_type = 0160000;
constexpr std::uint16_t extended_flag = 0x4000;

/// The file's bytes; empty data when there is none.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
      missing_ = errno == ENOENT;
      return;
    }
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size <= largest_index) {
      size_ = static_cast<std::size_t>(status.st_size);
      memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    ::close(fd);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (memory_ != MAP_FAILED) ::munmap(memory_, size_);
  }
  bool missing() const { return missing_; }
  std::string_view data() const {
    if (memory_ == MAP_FAILED) return {};
    return {static_cast<const char*>(memory_), size_};
  }

 private:
  bool missing_ = false;
  void* memory_ = MAP_FAILED;
  std::size_t size_ = 0;
};

std::uint32_t number(std::string_view bytes, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

class IndexReader {
 public:
  IndexReader(std::string_view data, std::size_t hash_size)
      : data_{data}, position_{header_size}, hash_size_{hash_size} {}

  std::optional<IndexSummary> read() {
    if (data_.size() < header_size + hash_size_ || !data_.starts_with("DIRC")) return std::nullopt;
    version_ = number(data_.substr(4), 4);
    if (version_ < 2 || version_ > 4) return std::nullopt;
    const auto count = number(data_.substr(8), 4);
    data_.remove_suffix(hash_size_);
    for (std::uint32_t i = 0; i < count; ++i)
      if (!read_entry()) return std::nullopt;
    if (!is_complete()) return std::nullopt;
    return std::move(summary_);
  }

 private:
  bool read_entry() {
    const auto begin = position_;
    const auto fixed = stat_size + hash_size_ + 2;
    if (data_.size() < begin + fixed) return false;
    const auto mode = number(data_.substr(begin + mode_offset), 4);
    const auto flags = number(data_.substr(begin + stat_size + hash_size_), 2);
    position_ += fixed + ((flags & extended_flag) != 0 ? 2 : 0);
    if (!read_name()) return false;
    // Padded with 1 to 8 NULs, one of which ended the name.
    if (version_ < 4) position_ = begin + (position_ - 1 - begin + 8) / 8 * 8;
    if ((mode & type_mask) == gitlink_type) summary_.gitlinks.push_back(name_);
    constexpr std::string_view attributes = ".gitattributes";
    if (name_ == attributes ||
        (name_.ends_with(attributes) && name_[name_.size() - attributes.size() - 1] == '/'))
      summary_.attribute_files.push_back(name_);
    return true;
  }

  /// From version 4 on a name begins with the number of bytes that it drops from its predecessor.
  bool read_name() {
    std::size_t dropped = name_.size();
    if (version_ == 4 && (!read_offset(dropped) || dropped > name_.size())) return false;
    name_.resize(name_.size() - dropped);
    const auto end = data_.find('\0', position_);
    if (end == std::string_view::npos) return false;
    name_ += data_.substr(position_, end - position_);
    position_ = end + 1;
    return true;
  }

  /// The variable-length number of pack files' OFS_DELTA.
  bool read_offset(std::size_t& value) {
    value = 0;
    for (int bytes = 0; bytes < 5 && position_ < data_.size(); ++bytes) {
      const auto byte = static_cast<unsigned char>(data_[position_++]);
      value = (value << 7) + (byte & 0x7f);
      if ((byte & 0x80) == 0) return true;
      ++value;
    }
    return false;
  }

  /// False when an extension says that entries are kept elsewhere.
  bool is_complete() {
    while (position_ < data_.size()) {
      if (data_.size() - position_ < 8) return false;
      const auto signature = data_.substr(position_, 4);
      if (signature == "link" || signature == "sdir") return false;
      const std::size_t size = number(data_.substr(position_ + 4), 4);
      if (data_.size() - position_ - 8 < size) return false;
      position_ += 8 + size;
    }
    return true;
  }

  std::string_view data_;
  std::size_t position_;
  std::size_t hash_size_;
  std::uint32_t version_ = 0;
  std::string name_;
  IndexSummary summary_;
};

}  // namespace

std::optional<IndexSummary> read_index(const std::filesystem::path& git_dir,
                                       std::size_t hash_size) {
  const Mapping file{(git_dir / "index").string()};
  if (file.missing()) return IndexSummary{};
  return IndexReader{file.data(), hash_size}.read();
}

}  // namespace slipway::helper
