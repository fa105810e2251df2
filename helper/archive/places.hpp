#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "helper/archive/beneath.hpp"
#include "helper/archive/target_file.hpp"

namespace slipway::helper::archive {

/// Where the entries of an archive go: the rules that keep them inside the directory, whatever
/// their names and the links on the disk are. All texts of errors begin with the format's name or
/// name the path on the disk.
class Places {
 public:
  /// `format` is "zip" or the like; `max_depth` counts components. `project` must outlive it.
  Places(const Root& project, std::string_view format, std::uint64_t max_depth);

  /// The clean path, relative to the project, that an entry's name means: `/abs` is inside.
  /// \throws ArchiveError (it leads outside, is no name, is too deep)
  std::string path_of(const std::string& name) const;

  struct Place {
    std::shared_ptr<Fd> directory;
    std::string name;  ///< in it
  };
  /// The directory of `path`, which path_of() gave for the entry and which is made, and the last
  /// component. Neighbours in an archive are
  /// mostly neighbours on the disk: the last directory is kept open.
  Place place_of(const std::string& entry_name, const std::string& path);
  /// After the disk's links have changed.
  void forget() { last_.reset(); }

  /// Makes the directory; its metadata comes with restore_directories().
  void add_directory(const std::string& path, const Metadata& metadata);
  void restore_directories();

  [[noreturn]] void fail(const std::string& name, const std::string& problem) const;
  [[noreturn]] void fail_outside(const std::string& path) const;
  const Root& project() const { return project_; }

 private:
  std::shared_ptr<Fd> open_directory(const std::string& path, bool create) const;

  const Root& project_;
  std::string format_;
  std::uint64_t max_depth_;
  std::shared_ptr<Fd> last_;
  std::string last_path_;
  std::vector<std::pair<std::string, Metadata>> directories_;
};

}  // namespace slipway::helper::archive
