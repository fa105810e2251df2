#include "helper/sources/small_stages.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "helper/sources/checkout.hpp"
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

template <class T>
void read(const nlohmann::json& in, const char* key, T& value) {
  if (const auto found = in.find(key); found != in.end()) found->get_to(value);
}

/// A link in its place may lead to another project's files.
void make_private(const fs::path& path) {
  if (fs::is_symlink(path)) fs::remove(path);
  try {
    fs::create_directories(path);
    fs::permissions(path, fs::perms::owner_all);
  } catch (const fs::filesystem_error& error) {
    throw StageFailure{1, "cannot make the job's directories: " + path.string() + ": " +
                              error.code().message() +
                              "; the user that jobs run as must be able to write to `builds_dir`"};
  }
}

/// What a job leaves in the project directory, by strategy. Exit code of the first git command that
/// failed.
int clean_job_directory(const CleanupParameters& parameters, Git& git) {
  if (parameters.strategy == "none") {
    notice("Skipping build directory cleanup step");
    return 0;
  }
  if (parameters.strategy != "fetch") {
    remove_tree(parameters.project_dir);
    return 0;
  }
  if (!is_real_directory(parameters.project_dir)) return 0;
  if (parameters.safe_directory) git.trust_project_directory();
  using Words = std::vector<std::string>;
  std::vector<Words> commands;
  if (!parameters.clean_flags.empty()) {
    commands.push_back({"clean"});
    auto& clean = commands.back();
    clean.insert(clean.end(), parameters.clean_flags.begin(), parameters.clean_flags.end());
  }
  commands.push_back({"reset", "--hard"});
  const bool has_submodules = parameters.submodule_strategy != "none" &&
                              fs::exists(fs::path{parameters.project_dir} / ".gitmodules");
  const auto own = commands;
  for (const auto& command : own) {
    if (!has_submodules) break;
    Words words{"submodule", "foreach"};
    if (parameters.submodule_strategy == "recursive") words.push_back("--recursive");
    words.push_back("git");
    words.insert(words.end(), command.begin(), command.end());
    commands.push_back(std::move(words));
  }
  for (auto& command : commands)
    if (const int code = git.try_run(std::move(command))) return code;
  return 0;
}

}  // namespace

int prepare_script(const PrepareParameters& parameters) {
  print("Running on " + host_name() + (parameters.via.empty() ? "" : " via " + parameters.via) +
        "...\n");
  const auto temp_dir = absolute_directory(parameters.temp_dir, "temporary");
  if (parameters.private_temp) make_private(temp_dir);
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
  environment.fit();
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
  const auto project_dir = absolute_directory(parameters.project_dir, "project");
  auto environment = Environment::inherited();
  Git git{environment, parameters.project_dir};
  const bool has_project = is_real_directory(project_dir);
  std::optional<Child> forgetting;
  if (has_project && !parameters.remote_url.empty())
    if (auto child = reject_credentials(parameters.remote_url, git, OuterConfig{environment}))
      forgetting.emplace(std::move(*child));
  if (is_real_directory(temp_dir)) {
    for (const auto* name :
         {"gitlab_runner_env", "masking.db", ".gitlab-runner.ext.conf", ".glr.gconf"})
      remove_tree(temp_dir / name);
    for (const auto& name : parameters.file_variables)
      if (is_file_name(name)) remove_tree(temp_dir / name);
  }
  const int code = parameters.clean_directory ? clean_job_directory(parameters, git) : 0;
  if (parameters.git_cleanup)
    clean_git_directory(project_dir, temp_dir / "git-template",
                        {parameters.clean_git_config, parameters.submodule_strategy != "none"});
  if (!parameters.builds_dir.empty())
    remove_tree(fs::path{parameters.builds_dir} / ".gitlab-build-uid-gid");
  return code;
}

void from_json(const nlohmann::json& in, PrepareParameters& parameters) {
  read(in, "temp_dir", parameters.temp_dir);
  read(in, "via", parameters.via);
  read(in, "private_temp", parameters.private_temp);
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
  read(in, "remote_url", parameters.remote_url);
  read(in, "clean_directory", parameters.clean_directory);
  read(in, "strategy", parameters.strategy);
  read(in, "clean_flags", parameters.clean_flags);
  read(in, "submodule_strategy", parameters.submodule_strategy);
  read(in, "safe_directory", parameters.safe_directory);
}

}  // namespace slipway::helper
