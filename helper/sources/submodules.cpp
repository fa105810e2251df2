#include "helper/sources/submodules.hpp"

#include <algorithm>
#include <filesystem>

#include "helper/sources/files.hpp"
#include "helper/sources/git_cleanup.hpp"
#include "helper/sources/git_index.hpp"
#include "helper/sources/lfs.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

Submodules::Submodules(const job::GetSourcesParameters& parameters, const Git& git,
                       const Environment& environment)
    : parameters_{parameters}, git_{git}, environment_{environment} {}

void Submodules::update() const {
  std::string text = "Updating/initializing submodules";
  if (is_recursive()) text += " recursively";
  if (parameters_.submodule_depth > 0)
    text += " with git depth set to " + std::to_string(parameters_.submodule_depth);
  notice(text + "...");
  const fs::path project_dir{parameters_.project_dir};
  if (fs::exists(fs::symlink_status(project_dir / ".gitmodules"))) {
    const bool were_there = fs::exists(project_dir / ".git" / "modules");
    try {
      prepare();
      bring_up();
    } catch (const StageFailure& failure) {
      if (!were_there || was_stopped(failure.exit_code())) throw;
      warning("Submodules of an earlier job cannot be updated. Starting again without them...");
      start_again();
      bring_up();
    }
    finish();
    return;
  }
  // Without that file git has nothing to do at any step.
  notice("Updated submodules");
  notice("Configuring submodules to use parent git credentials...");
  if (parameters_.lfs) notice("Pulling LFS files...");
}

void Submodules::prepare() const {
  const fs::path project_dir{parameters_.project_dir};
  if (parameters_.clean_git_config) {
    const auto index = read_index(project_dir / ".git", hash_size(parameters_.object_format));
    if (!index) throw StageFailure{1, "get_sources: the repository's index cannot be read"};
    remove_foreign_repositories(project_dir, index->gitlinks);
  }
  git_.run({"submodule", "init"});
  sync();
  clean();
  for_each({"git", "reset", "--hard"});
}

void Submodules::bring_up() const {
  if (try_update() == 0) {
    notice("Updated submodules");
    sync();
    return;
  }
  warning("Updating submodules failed. Retrying...");
  const auto& flags = parameters_.submodule_update_flags;
  if (std::find(flags.begin(), flags.end(), "--remote") != flags.end())
    for_each({"git", "fetch", "origin", "+refs/heads/*:refs/remotes/origin/*"});
  sync();
  if (const int code = try_update()) throw StageFailure{code};
  for_each({"git", "reset", "--hard"});
}

void Submodules::finish() const {
  clean();
  notice("Configuring submodules to use parent git credentials...");
  // As one word, which a shell in each submodule reads.
  git_.run({"submodule", "foreach", "--recursive",
            R"(git config --replace-all include.path "$GLR_EXT_GIT_CONFIG_PATH")"});
  if (!parameters_.lfs) return;
  notice("Pulling LFS files...");
  if (has_lfs(environment_)) for_each({"git", "lfs", "pull"});
}

int Submodules::try_update() const {
  Words arguments{"-c", "include.path=" + environment_.find("GLR_EXT_GIT_CONFIG_PATH").value_or(""),
                  "submodule", "update", "--init"};
  if (is_recursive()) arguments.push_back("--recursive");
  if (parameters_.submodule_depth > 0)
    append(arguments, {"--depth", std::to_string(parameters_.submodule_depth)});
  append(arguments, parameters_.submodule_update_flags);
  if (!parameters_.submodule_paths.empty()) {
    arguments.push_back("--");
    append(arguments, parameters_.submodule_paths);
  }
  return git_.try_run(std::move(arguments));
}

void Submodules::sync() const {
  Words arguments{"submodule", "sync"};
  if (is_recursive()) arguments.push_back("--recursive");
  if (!parameters_.submodule_paths.empty()) {
    arguments.push_back("--");
    append(arguments, parameters_.submodule_paths);
  }
  git_.run(std::move(arguments));
}

void Submodules::for_each(const Words& command) const {
  Words arguments{"submodule", "foreach"};
  if (is_recursive()) arguments.push_back("--recursive");
  append(arguments, command);
  git_.run(std::move(arguments));
}

void Submodules::clean() const {
  Words command{"git", "clean"};
  append(command, parameters_.clean_flags.empty() ? Words{"-ffdx"} : parameters_.clean_flags);
  for_each(command);
}

/// Their repositories may be damaged; the project's own is not.
void Submodules::start_again() const {
  git_.run({"submodule", "deinit", "--force", "--all"});
  remove_tree(fs::path{parameters_.project_dir} / ".git" / "modules");
  git_.run({"submodule", "init"});
}

}  // namespace slipway::helper
