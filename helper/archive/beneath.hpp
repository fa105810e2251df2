#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "helper/agent/fd.hpp"

namespace slipway::helper::archive {

/// A directory that nothing leads out of: the project directory that is archived or extracted into.
/// Symbolic links in a path are followed only while they stay below it, and also when another
/// process exchanges them meanwhile.
class Root {
 public:
  /// \throws std::system_error
  explicit Root(const std::filesystem::path& directory);

  int fd() const { return fd_.get(); }
  /// The directory as it was named, made absolute, clean.
  const std::string& path() const { return path_; }

  /// Opens the clean relative `path`, of any length, with open(2)'s `flags`. A link in the last
  /// component is followed unless they hold O_NOFOLLOW; nothing is created. On failure the
  /// result is empty and errno set: EXDEV means that the path leaves the directory.
  Fd open(std::string_view path, int flags) const;
  /// The directory `path`, for use with openat(2) and the like. Missing ones are made, with all
  /// permissions that the umask leaves, where `create` is set. Fails as open().
  Fd open_directory(std::string_view path, bool create) const;
  /// "cannot be …" texts name files by this.
  std::string full(std::string_view path) const;

 private:
  Fd open_short(int directory, const std::string& path, int flags) const;

  std::string path_;
  std::string real_;  ///< where the kernel says it is
  Fd fd_;
};

}  // namespace slipway::helper::archive
