#include "helper/sources/small_stages.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "helper/sources/files.hpp"
#include "helper/sources/git.hpp"
#include "helper/sources/git_cleanup.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

fs::path absolute_directory(const std::string& text, const char* what) {
  fs::path path{text};
  if (!path.is_absolute() || path.relative_path().empty())
    throw StageFailure{1, std::string{"the "} + what + " directory '" + text +
                              "' is not an absolute path below /"};
  return path;
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// True for a plain file name: what a variable's key must be to have a file below temp_dir.
bool is_file_name(const std::string& text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string::npos &&
         text.find('\0') == std::string::npos;
}

template <class T>
void read(const nlohmann::json& in, const char* key, T& value) {
  if (const auto found = in.find(key); found != in.end()) found->get_to(value);
}

}  // namespace

int prepare_script(const PrepareParameters& parameters) {
  print("Running on " + host_name() + (parameters.via.empty() ? "" : " via " + parameters.via) +
        "...\n");
  const auto temp_dir = absolute_directory(parameters.temp_dir, "temporary");
  if (!is_real_directory(temp_dir)) return 0;
  for (const auto* name : {"gitlab_runner_env", "masking.db"}) remove_tree(temp_dir / name);
  return 0;
}

int clear_worktree(const ClearWorktreeParameters& parameters) {
  notice("Deleting tracked and untracked files...");
  const auto project_dir = absolute_directory(parameters.project_dir, "project");
  if (!is_real_directory(project_dir)) return 0;
  auto environment = Environment::inherited();
  for (const auto& [name, value] : parameters.variables) environment.set(name, value);
  Git git{environment, parameters.project_dir};
  if (parameters.safe_directory) git.trust_project_directory();
  if (git.try_run({"rm", "-rf", "--ignore-unmatch", "--quiet", "."}) == 0 &&
      git.try_run({"clean", "-ffdx", "-q"}) == 0)
    return 0;
  for (const auto& entry : fs::directory_iterator{project_dir}) remove_tree(entry.path());
  return 0;
}

int cleanup_file_variables(const CleanupParameters& parameters) {
  const auto temp_dir = absolute_directory(parameters.temp_dir, "temporary");
  if (is_real_directory(temp_dir)) {
    for (const auto* name :
         {"gitlab_runner_env", "masking.db", ".gitlab-runner.ext.conf", ".glr.gconf"})
      remove_tree(temp_dir / name);
    for (const auto& name : parameters.file_variables)
      if (is_file_name(name)) remove_tree(temp_dir / name);
  }
  const auto project_dir = absolute_directory(parameters.project_dir, "project");
  if (parameters.git_cleanup)
    clean_git_directory(project_dir, temp_dir / "git-template", parameters.clean_git_config);
  if (!parameters.builds_dir.empty())
    remove_tree(fs::path{parameters.builds_dir} / ".gitlab-build-uid-gid");
  return 0;
}

void from_json(const nlohmann::json& in, PrepareParameters& parameters) {
  read(in, "temp_dir", parameters.temp_dir);
  read(in, "via", parameters.via);
}

void from_json(const nlohmann::json& in, ClearWorktreeParameters& parameters) {
  read(in, "project_dir", parameters.project_dir);
  read(in, "safe_directory", parameters.safe_directory);
  read(in, "variables", parameters.variables);
}

void from_json(const nlohmann::json& in, CleanupParameters& parameters) {
  read(in, "temp_dir", parameters.temp_dir);
  read(in, "project_dir", parameters.project_dir);
  read(in, "builds_dir", parameters.builds_dir);
  read(in, "file_variables", parameters.file_variables);
  read(in, "git_cleanup", parameters.git_cleanup);
  read(in, "clean_git_config", parameters.clean_git_config);
}

}  // namespace slipway::helper
