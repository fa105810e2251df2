#include "helper/sources/get_sources.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "helper/sources/files.hpp"
#include "helper/sources/git.hpp"
#include "helper/sources/git_cleanup.hpp"
#include "helper/sources/git_config.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view external_config_name = ".gitlab-runner.ext.conf";

/// One run of the stage; the steps in the order of the functions.
class Sources {
 public:
  explicit Sources(const job::GetSourcesParameters& parameters)
      : parameters_{parameters},
        environment_{environment_of(parameters)},
        git_{environment_, parameters.project_dir},
        template_dir_{fs::path{parameters.temp_dir} / "git-template"},
        external_config_{fs::path{parameters.temp_dir} / external_config_name} {
    environment_.set("GLR_EXT_GIT_CONFIG_PATH", external_config_.string());
  }

  void skip();
  void fetch();

 private:
  static Environment environment_of(const job::GetSourcesParameters& parameters);
  void run_hook(const std::string& script, const std::string& directory) const;
  void prepare_directories();
  void write_configs();
  void initialize();
  void set_origin();
  void fetch_refs();
  void checkout();
  std::optional<Child> forget_credentials() const;

  const job::GetSourcesParameters& parameters_;
  Environment environment_;
  Git git_;
  fs::path template_dir_;
  fs::path external_config_;
};

Environment Sources::environment_of(const job::GetSourcesParameters& parameters) {
  auto result = Environment::inherited();
  for (const auto& [name, value] : parameters.variables) result.set(name, value);
  return result;
}

void Sources::run_hook(const std::string& script, const std::string& directory) const {
  if (script.empty()) return;
  Command command;
  command.arguments = {"sh"};
  command.directory = directory;
  command.input = script;
  if (const int code = run(command, environment_)) throw StageFailure{code};
}

void Sources::skip() {
  const bool empty = parameters_.strategy == "empty";
  notice(empty ? "Skipping Git repository setup and creating an empty build directory"
               : "Skipping Git repository setup");
  if (empty) remove_tree(parameters_.project_dir);
  make_directory(parameters_.project_dir);
  notice("Skipping Git checkout");
  notice("Skipping Git submodules setup");
}

void Sources::fetch() {
  run_hook(parameters_.pre_script, "");
  prepare_directories();
  write_configs();
  if (parameters_.depth > 0)
    notice("Fetching changes with git depth set to " + std::to_string(parameters_.depth) + "...");
  else
    notice("Fetching changes...");
  initialize();
  fetch_refs();
  // Nobody needs its result: it runs beside the checkout.
  auto forgetting = forget_credentials();
  checkout();
  notice("Skipping Git submodules setup");
  run_hook(parameters_.post_script, parameters_.project_dir);
  if (forgetting) forgetting->wait();
}

void Sources::prepare_directories() {
  // A link instead of the project directory would send the clean-up to another project's files.
  if (fs::is_symlink(parameters_.project_dir)) fs::remove(parameters_.project_dir);
  make_directory(parameters_.temp_dir);
  clean_git_directory(parameters_.project_dir, template_dir_, parameters_.clean_git_config);
  if (parameters_.strategy == "clone") remove_tree(parameters_.project_dir);
}

void Sources::write_configs() {
  if (parameters_.safe_directory) git_.trust_project_directory();
  make_directory(template_dir_);
  write_fresh_file(template_dir_ / "config", template_config(external_config_.string()));
  if (!parameters_.correlation_id.empty())
    notice("Gitaly correlation ID: " + parameters_.correlation_id);
  write_fresh_file(external_config_, external_config(parameters_));
}

void Sources::initialize() {
  std::vector<std::string> arguments{"-c",         "init.defaultBranch=none",
                                     "init",       parameters_.project_dir,
                                     "--template", template_dir_.string()};
  if (!parameters_.object_format.empty() && parameters_.object_format != "sha1") {
    arguments.push_back("--object-format");
    arguments.push_back(parameters_.object_format);
  }
  git_.run_here(std::move(arguments));
  set_origin();
}

void Sources::set_origin() {
  const auto& url = parameters_.remote_url;
  if (parameters_.clean_git_config) {
    // The config was made anew a moment ago, so this is what `git remote add` would do, one process
    // less.
    append_to_file(fs::path{parameters_.project_dir} / ".git" / "config", origin_section(url));
    notice("Created fresh repository.");
    return;
  }
  if (git_.try_run({"remote", "add", "origin", url}, true) == 0) {
    notice("Created fresh repository.");
    return;
  }
  git_.run({"remote", "set-url", "origin", url});
  git_.run({"config", "--replace-all", "include.path", external_config_.string(),
            R"(\.gitlab-runner\.ext\.conf$)"});
}

void Sources::fetch_refs() {
  std::vector<std::string> arguments;
  if (!parameters_.user_agent.empty())
    arguments = {"-c", "http.userAgent=" + parameters_.user_agent};
  arguments.insert(arguments.end(), {"fetch", "origin", "--no-recurse-submodules"});
  for (const auto& refspec : parameters_.refspecs) arguments.push_back(refspec);
  if (parameters_.depth > 0) {
    arguments.push_back("--depth");
    arguments.push_back(std::to_string(parameters_.depth));
  }
  for (const auto& flag : parameters_.fetch_flags) arguments.push_back(flag);
  if (parameters_.depth <= 0 && fs::exists(fs::path{parameters_.project_dir} / ".git" / "shallow"))
    arguments.push_back("--unshallow");
  git_.run(std::move(arguments));
}

void Sources::checkout() {
  if (!parameters_.checkout) {
    notice("Skipping Git checkout");
    return;
  }
  notice("Checking out " + parameters_.sha.substr(0, 8) + " as detached HEAD (ref is " +
         parameters_.ref + ")...");
  git_.run({"-c", "submodule.recurse=false", "checkout", "-f", "-q", parameters_.sha});
  if (parameters_.clean_flags.empty()) return;
  std::vector<std::string> arguments{"clean"};
  for (const auto& flag : parameters_.clean_flags) arguments.push_back(flag);
  git_.run(std::move(arguments));
}

std::optional<Child> Sources::forget_credentials() const {
  const auto origin = url_origin(parameters_.remote_url);
  if (origin.empty()) return std::nullopt;
  return git_.start({"credential", "reject"}, "url=" + origin + "\nusername=gitlab-ci-token\n");
}

/// Payload values that git would take for options, and directories that are not what the stage
/// works on.
void check(const job::GetSourcesParameters& parameters) {
  const auto is_option = [](const std::string& text) { return text.starts_with('-'); };
  if (std::any_of(parameters.refspecs.begin(), parameters.refspecs.end(), is_option))
    throw StageFailure{1, "get_sources: a refspec begins with '-'"};
  if (is_option(parameters.sha) || (parameters.sha.empty() && parameters.checkout))
    throw StageFailure{1, "get_sources: '" + parameters.sha + "' is not a commit"};
  if (is_option(parameters.remote_url) || parameters.remote_url.empty())
    throw StageFailure{1, "get_sources: the job has no repository URL"};
}

void check_directories(const job::GetSourcesParameters& parameters) {
  for (const auto& [what, path] : {std::pair{"project", fs::path{parameters.project_dir}},
                                   std::pair{"temporary", fs::path{parameters.temp_dir}}})
    if (!path.is_absolute() || path.relative_path().empty())
      throw StageFailure{1, std::string{"get_sources: the "} + what + " directory '" +
                                path.string() + "' is not an absolute path below /"};
}

}  // namespace

int get_sources(const job::GetSourcesParameters& parameters) {
  check_directories(parameters);
  if (parameters.strategy == "none" || parameters.strategy == "empty") {
    Sources{parameters}.skip();
    return 0;
  }
  if (parameters.strategy != "fetch" && parameters.strategy != "clone")
    throw StageFailure{1, "unknown GIT_STRATEGY"};
  check(parameters);
  Sources{parameters}.fetch();
  return 0;
}

}  // namespace slipway::helper
