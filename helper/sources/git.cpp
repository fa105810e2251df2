#include "helper/sources/git.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "helper/sources/files.hpp"
#include "helper/sources/git_config.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

/// The file that `git config --global` would change, "" without a home.
std::string global_config_path(const Environment& environment) {
  if (const auto path = environment.find("GIT_CONFIG_GLOBAL"); path && !path->empty()) return *path;
  const auto home = environment.find("HOME").value_or("");
  if (home.empty()) return "";
  const auto plain = home + "/.gitconfig";
  auto xdg = environment.find("XDG_CONFIG_HOME").value_or("");
  xdg = (xdg.empty() ? home + "/.config" : xdg) + "/git/config";
  std::error_code ignored;
  return !fs::exists(plain, ignored) && fs::exists(xdg, ignored) ? xdg : plain;
}

std::string read_text(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void add_config_by_environment(Environment& environment, std::string_view key,
                               std::string_view value) {
  const auto text = environment.find("GIT_CONFIG_COUNT").value_or("0");
  unsigned count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  environment.set("GIT_CONFIG_KEY_" + std::to_string(count), key);
  environment.set("GIT_CONFIG_VALUE_" + std::to_string(count), value);
  environment.set("GIT_CONFIG_COUNT", std::to_string(count + 1));
}

}  // namespace

Git::Git(Environment& environment, std::string project_dir)
    : environment_{environment}, project_dir_{std::move(project_dir)} {
  environment_.set("GIT_TERMINAL_PROMPT", "0");
  environment_.set("GCM_INTERACTIVE", "Never");
  // A broken .git must end in an error, not in work on a repository further up.
  auto ceiling = fs::path{project_dir_}.parent_path().string();
  if (const auto own = environment_.find("GIT_CEILING_DIRECTORIES"); own && !own->empty())
    ceiling += ":" + *own;
  environment_.set("GIT_CEILING_DIRECTORIES", ceiling);
}

int Git::execute(std::vector<std::string> arguments, std::string directory, bool quiet) const {
  Command command;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), "git");
  command.directory = std::move(directory);
  command.discard_output = quiet;
  return helper::run(command, environment_);
}

int Git::try_run(std::vector<std::string> arguments, bool quiet) const {
  return execute(std::move(arguments), project_dir_, quiet);
}

void Git::run(std::vector<std::string> arguments) const {
  if (const int code = execute(std::move(arguments), project_dir_, false)) throw StageFailure{code};
}

void Git::run_here(std::vector<std::string> arguments) const {
  if (const int code = execute(std::move(arguments), "", false)) throw StageFailure{code};
}

int Git::try_run_outside(std::vector<std::string> arguments) const {
  return execute(std::move(arguments), "/", true);
}

Child Git::start(std::vector<std::string> arguments, std::string input) const {
  Command command;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), "git");
  command.directory = project_dir_;
  command.input = std::move(input);
  command.discard_output = true;
  return Child{command, environment_};
}

void Git::trust_project_directory() {
  // A read-only or missing home is no error: the environment serves git from 2.38 on.
  if (!add_global_config(section_header("safe") + assignment("directory", project_dir_)))
    add_config_by_environment(environment_, "safe.directory", project_dir_);
}

bool Git::add_global_config(const std::string& text) {
  const auto path = global_config_path(environment_);
  if (path.empty()) return false;
  const auto present = read_text(path);
  if (present.find(text) != std::string::npos) return true;
  try {
    const bool open_line = !present.empty() && !present.ends_with('\n');
    append_to_file(fs::weakly_canonical(path), (open_line ? "\n" : "") + text);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace slipway::helper
