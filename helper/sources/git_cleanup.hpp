#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace slipway::helper {

/// How much of an earlier job's repository is cleaned.
struct GitCleanup {
  bool config = true;       ///< also all that could name a program to run
  bool submodules = false;  ///< also the repositories below .git/modules
};

/// Removes what an earlier job left in `<project_dir>/.git` and would stop or subvert git: lock
/// files, the post-checkout hook, and with `config` everything that could name a program to run
/// (config, hooks, a redirected common directory) there and in `template_dir`. A `.git` that is a
/// link or file is removed itself. Git objects and refs stay. No symbolic link is followed.
/// \throws std::filesystem::filesystem_error.
void clean_git_directory(const std::filesystem::path& project_dir,
                         const std::filesystem::path& template_dir, GitCleanup what);

/// Removes, in the work trees of submodules and below, every `.git` but the files that lead into
/// `<project_dir>/.git/modules`, which clean_git_directory() has cleaned. git would otherwise run
/// what the configuration of a repository planted there says. A submodule that is such a repository
/// itself is removed, and so is a link in place of one. `paths`: of the submodules, relative to
/// `project_dir`.
void remove_foreign_repositories(const std::filesystem::path& project_dir,
                                 const std::vector<std::string>& paths);

}  // namespace slipway::helper
