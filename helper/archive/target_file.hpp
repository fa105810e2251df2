#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "helper/agent/fd.hpp"

namespace slipway::helper::archive {

/// What is restored with a file, directory or link.
struct Metadata {
  std::optional<std::uint32_t> mode;  ///< permission bits; without them the umask's
  std::int64_t mtime = 0;             ///< seconds since 1970
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

/// Makes room for `name` in `directory`: removes what is there, if it is no directory with
/// something in it. \throws std::system_error; ArchiveError `remove <full>: directory not empty`.
void remove_existing(int directory, const std::string& name, const std::string& full);

/// A file that is being extracted, new in its directory. Blocks of zeros become holes. One that is
/// not finished is removed: half a file is worse than none.
class TargetFile {
 public:
  /// `directory` must outlive it; `full` names it in errors. \throws as remove_existing().
  TargetFile(int directory, const std::string& name, const Metadata& metadata, std::string full);

  TargetFile(const TargetFile&) = delete;
  ~TargetFile();

  void write(std::string_view bytes);
  /// Last call: restores the metadata. \throws std::system_error
  void finish();

 private:
  void write_all(std::string_view bytes);

  int directory_;
  std::string name_;
  std::string full_;
  Metadata metadata_;
  Fd fd_;
  std::uint64_t size_ = 0;
  bool hole_at_end_ = false;
};

/// A link `name` to `target`, new in its directory. \throws as remove_existing().
void make_link(int directory, const std::string& name, const std::string& target,
               const Metadata& metadata, const std::string& full);

/// \throws std::system_error
void restore_directory(int directory, const Metadata& metadata, const std::string& full);

}  // namespace slipway::helper::archive
