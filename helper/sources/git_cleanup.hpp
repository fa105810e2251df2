#pragma once

#include <filesystem>

namespace slipway::helper {

/// Removes what an earlier job left in `<project_dir>/.git` and would stop or subvert git: lock
/// files, the post-checkout hook, and with `clean_git_config` everything that could name a program
/// to run (config, hooks, a redirected common directory) there and in `template_dir`. A `.git` that
/// is a link or file is removed itself. Git objects, refs and `.git/modules` stay. No symbolic link
/// is followed. \throws std::filesystem::filesystem_error.
void clean_git_directory(const std::filesystem::path& project_dir,
                         const std::filesystem::path& template_dir, bool clean_git_config);

}  // namespace slipway::helper
