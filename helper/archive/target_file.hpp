#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "helper/agent/fd.hpp"
#include "helper/archive/beneath.hpp"

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

/// A file that is being extracted. Blocks of zeros become holes. One that is not finished is
/// removed: half a file is worse than none.
class TargetFile {
 public:
  /// New in `directory`, which must outlive it: what is there is removed. `full` names it in
  /// errors. \throws as remove_existing().
  TargetFile(int directory, const std::string& name, const Metadata& metadata, std::string full);
  /// What is at `path`, which is `name` in `directory`, emptied and written anew, through a link as
  /// well while that stays inside of `project`; a new file if there is none, or one that may not be
  /// written to. Before an existing file with the given device and inode is emptied, `before` is
  /// called. \throws ArchiveError (it is no file, leads outside), std::system_error
  using Identity = std::pair<dev_t, ino_t>;
  TargetFile(const Root& project, const std::string& path, int directory, const std::string& name,
             const Metadata& metadata, const std::function<void(Identity)>& before);

  TargetFile(const TargetFile&) = delete;
  ~TargetFile();

  /// All of these return how many of the bytes were really written. The first goes on where its
  /// last call ended; the second may be called by several threads for different places.
  std::uint64_t write(std::string_view bytes);
  std::uint64_t write_at(std::uint64_t offset, std::string_view bytes);
  /// Last call: the file has `size` bytes (those of write(), without it). Restores the metadata.
  /// \throws std::system_error
  void finish();
  void finish(std::uint64_t size);

  Identity identity() const;

 private:
  void create();
  void open_existing(const Root& project, const std::string& path);
  void write_all(std::uint64_t offset, std::string_view bytes) const;

  int directory_;
  std::string name_;
  std::string full_;
  Metadata metadata_;
  Fd fd_;
  std::uint64_t size_ = 0;
  std::atomic<bool> has_holes_ = false;
  bool is_link_ = false;
};

/// A link `name` to `target`, new in its directory. \throws as remove_existing().
void make_link(int directory, const std::string& name, const std::string& target,
               const Metadata& metadata, const std::string& full);

/// \throws std::system_error
void restore_directory(int directory, const Metadata& metadata, const std::string& full);

}  // namespace slipway::helper::archive
