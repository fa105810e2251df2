#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "helper/archive/path_list.hpp"

namespace slipway::helper::archive {

/// What the user asked for: `paths`, `exclude` and `untracked` of a cache or artifact, variables
/// already expanded.
struct SelectionRequest {
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  bool untracked = false;
  /// What `git ls-files -o -z` prints, where `untracked` is set. Must outlive the call.
  std::string_view untracked_list;
};

/// A line for the job's log.
struct Note {
  enum class Level { info, warning };
  Level level = Level::info;
  std::string text;
  bool operator==(const Note&) const = default;
};

struct Selection {
  /// Relative to the project directory, sorted: files, directories, links and special files (which
  /// the archive writers skip). The project directory itself is not among them.
  PathList files;
  /// What each path, exclusion and `untracked` found, in this order, warnings where they arose.
  std::vector<Note> notes;
};

/// Finds the files of `project` that go into an archive. A pattern's match is taken with all that
/// is below it, unless excluded; an excluded directory is left out itself, what is below it is
/// looked at on its own. Links are never followed, except those in a pattern's part before the
/// first wildcard, and then only below `project`. The counts in the notes are matches: a file that
/// is found twice counts twice. \throws std::system_error (`project` cannot be opened)
Selection select_files(const std::filesystem::path& project, const SelectionRequest& request);

}  // namespace slipway::helper::archive
