#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "helper/archive/beneath.hpp"

namespace slipway::helper::archive {

/// How much of a file one thread packs at a time.
inline constexpr std::size_t piece_size = 1 << 20;

/// A regular file that is being archived. It may be read by several threads.
class SourceFile {
 public:
  /// Empty if there is no such file. \throws std::system_error; ArchiveError if it is no regular
  /// file or outside of `project`.
  static std::optional<SourceFile> find(const Root& project, std::string_view path);

  const struct stat& status() const { return status_; }
  std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }
  /// At most `size` (up to piece_size) bytes at `offset`, less only at the file's end. Valid until
  /// this thread's next read, of whatever file. \throws std::system_error
  std::string_view read(std::uint64_t offset, std::size_t size) const;
  /// The same, of any size, to a place of the caller's; returns how many.
  std::size_t read_to(char* bytes, std::uint64_t offset, std::size_t size) const;

 private:
  SourceFile() = default;
  bool is_hole(std::uint64_t offset, std::size_t size) const;
  std::size_t read_data(char* bytes, std::uint64_t offset, std::size_t size) const;

  std::string name_;
  Fd fd_;
  struct stat status_ {};
};

/// Throws a std::system_error for errno, or, where that is EXDEV, the ArchiveError of a path that
/// leaves `project`.
[[noreturn]] void throw_unreadable(const Root& project, std::string_view path);

}  // namespace slipway::helper::archive
