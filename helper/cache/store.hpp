#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "helper/agent/fd.hpp"

namespace slipway::helper::cache {

// The local store: one directory per key, in it the archive and `metadata.json`. All concurrent
// jobs that may share a cache share its directory, so an archive only ever appears as a whole,
// under its name, and who reads the one before goes on reading that.

/// What belongs to an archive: keys in lower case.
using Metadata = std::map<std::string, std::string>;

/// A new file beside the one that it is to replace.
class TemporaryFile {
 public:
  /// \throws std::system_error
  explicit TemporaryFile(const std::filesystem::path& directory);
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile();

  int fd() const { return fd_.get(); }
  /// Last call. \throws std::system_error
  void rename_to(const std::filesystem::path& file);

 private:
  std::string name_;
  Fd fd_;
};

/// An archive that is being made, beside the one it will replace. What is not published goes with
/// the object; what a killed process left is removed by the next that makes one there.
class NewArchive {
 public:
  /// Makes the directories up to that of `file`, for the owner alone. \throws std::system_error
  explicit NewArchive(std::filesystem::path file);

  int fd() const { return temporary_.fd(); }
  /// Everything to the disk, then to its name. `modified` becomes the archive's time. \throws
  /// std::system_error, and nothing has changed then.
  void publish(const timespec& modified, const Metadata& metadata);

 private:
  std::filesystem::path file_;
  TemporaryFile temporary_;
};

/// Those that are missing, for the owner alone. \throws std::system_error
void make_directories(const std::filesystem::path& directory);

/// The archive at `file`, open for reading; empty if there is none. A link is not followed, and
/// what is no regular file is none. \throws std::system_error
Fd open_archive(const std::filesystem::path& file);

/// \throws std::system_error
struct stat status_of(int fd);

}  // namespace slipway::helper::cache
