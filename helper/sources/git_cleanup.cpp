#include "helper/sources/git_cleanup.hpp"

#include <vector>

#include "helper/sources/files.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

void remove_locks_below(const fs::path& directory) {
  if (!is_real_directory(directory)) return;
  std::vector<fs::path> locks;
  for (const auto& entry : fs::recursive_directory_iterator{directory})
    if (entry.path().extension() == ".lock" && !is_real_directory(entry.path()))
      locks.push_back(entry.path());
  for (const auto& lock : locks) fs::remove(lock);
}

}  // namespace

void clean_git_directory(const fs::path& project_dir, const fs::path& template_dir,
                         bool clean_git_config) {
  if (clean_git_config && is_real_directory(template_dir.parent_path()) &&
      is_real_directory(template_dir)) {
    remove_tree(template_dir / "config");
    remove_tree(template_dir / "hooks");
  }
  if (!is_real_directory(project_dir)) return;
  const auto git_dir = project_dir / ".git";
  if (!is_real_directory(git_dir)) {
    fs::remove(git_dir);
    return;
  }
  for (const auto* name : {"index.lock", "shallow.lock", "HEAD.lock", "config.lock"})
    remove_tree(git_dir / name);
  // Never through a link: its target's post-checkout is not ours to remove, nor git's to run.
  if (!is_real_directory(git_dir / "hooks")) fs::remove(git_dir / "hooks");
  remove_tree(git_dir / "hooks" / "post-checkout");
  remove_locks_below(git_dir / "refs");
  if (!clean_git_config) return;
  // commondir would make git read configuration and hooks from wherever it points.
  for (const auto* name : {"config", "config.worktree", "hooks", "commondir"})
    remove_tree(git_dir / name);
}

}  // namespace slipway::helper
