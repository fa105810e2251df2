#include "helper/sources/git_cleanup.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include "helper/sources/files.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t longest_git_file = 4096 + 16;

void remove_locks_below(const fs::path& directory) {
  if (!is_real_directory(directory)) return;
  std::vector<fs::path> locks;
  for (const auto& entry : fs::recursive_directory_iterator{directory})
    if (entry.path().extension() == ".lock" && !is_real_directory(entry.path()))
      locks.push_back(entry.path());
  for (const auto& lock : locks) fs::remove(lock);
}

/// What stops git in any repository, or makes it run something.
void clean_repository(const fs::path& git_dir, bool config) {
  for (const auto* name : {"index.lock", "shallow.lock", "HEAD.lock", "config.lock"})
    remove_tree(git_dir / name);
  // Never through a link: its target's post-checkout is not ours to remove, nor git's to run.
  if (!is_real_directory(git_dir / "hooks")) fs::remove(git_dir / "hooks");
  remove_tree(git_dir / "hooks" / "post-checkout");
  if (!config) return;
  // commondir would make git read configuration and hooks from wherever it points.
  for (const auto* name : {"config", "config.worktree", "hooks", "commondir"})
    remove_tree(git_dir / name);
}

/// The repositories of submodules, whose names may have several parts and which may lie in one
/// another. What holds objects or refs alone is no place for a repository.
void clean_modules(const fs::path& directory, bool config) {
  if (fs::exists(fs::symlink_status(directory / "HEAD"))) clean_repository(directory, config);
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator{directory}) {
    const auto name = entry.path().filename();
    if (entry.is_symlink()) {
      fs::remove(entry.path());
    } else if (entry.is_directory() && name != "objects" && name != "refs" && name != "logs" &&
               name != "lfs") {
      folders.push_back(entry.path());
    }
  }
  for (const auto& folder : folders) clean_modules(folder, config);
}

/// Whether a work tree's `.git` is a file that leads to a repository in `modules`.
bool leads_into(const fs::path& git_file, const fs::path& modules) {
  constexpr std::string_view prefix = "gitdir: ";
  if (!fs::is_regular_file(fs::symlink_status(git_file))) return false;
  std::string text(longest_git_file, '\0');
  std::ifstream file{git_file, std::ios::binary};
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (!text.starts_with(prefix)) return false;
  const auto target = (git_file.parent_path() / text.substr(prefix.size())).lexically_normal();
  std::error_code error;
  const auto real = fs::weakly_canonical(target, error);
  const auto relative = real.lexically_relative(fs::weakly_canonical(modules, error));
  return !error && !relative.empty() && *relative.begin() != ".." && *relative.begin() != "." &&
         fs::exists(real / "HEAD");
}

/// A path of plain names, all of which are directories and no links; else the link or file in the
/// way is removed. False when there is nothing to look into.
bool is_real_path(const fs::path& root, const std::string& relative) {
  auto place = root;
  for (const auto& part : fs::path{relative}) {
    if (part == ".." || part == "." || part.empty() || part.is_absolute()) return false;
    place /= part;
    if (is_real_directory(place)) continue;
    if (fs::is_symlink(place)) fs::remove(place);
    return false;
  }
  return true;
}

}  // namespace

void clean_git_directory(const fs::path& project_dir, const fs::path& template_dir,
                         GitCleanup what) {
  if (what.config && is_real_directory(template_dir.parent_path()) &&
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
  clean_repository(git_dir, what.config);
  remove_locks_below(git_dir / "refs");
  if (!what.submodules) return;
  const auto modules = git_dir / "modules";
  if (is_real_directory(modules))
    clean_modules(modules, what.config);
  else
    fs::remove(modules);
}

void remove_foreign_repositories(const fs::path& project_dir,
                                 const std::vector<std::string>& paths) {
  const auto modules = project_dir / ".git" / "modules";
  std::vector<fs::path> foreign;
  for (const auto& path : paths) {
    if (!is_real_path(project_dir, path)) continue;
    const auto own = project_dir / path / ".git";
    if (fs::exists(fs::symlink_status(own)) && !leads_into(own, modules)) {
      // git would not clone into what it leaves behind.
      remove_tree(project_dir / path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator{project_dir / path})
      if (entry.path().filename() == ".git" && !leads_into(entry.path(), modules))
        foreign.push_back(entry.path());
  }
  for (const auto& path : foreign) remove_tree(path);
}

}  // namespace slipway::helper
