#include "helper/sources/get_sources.hpp"

#include <filesystem>
#include <optional>

#include "helper/sources/checkout.hpp"
#include "helper/sources/files.hpp"
#include "helper/sources/git.hpp"
#include "helper/sources/git_cleanup.hpp"
#include "helper/sources/git_config.hpp"
#include "helper/sources/ownership.hpp"
#include "helper/sources/submodules.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

/// One run of the stage; the steps in the order of the functions.
class Sources {
 public:
  explicit Sources(const job::GetSourcesParameters& parameters)
      : parameters_{parameters},
        environment_{environment_of(parameters)},
        git_{environment_, parameters.project_dir},
        paths_{fs::path{parameters.temp_dir}} {
    environment_.set("GLR_EXT_GIT_CONFIG_PATH", paths_.external_config.string());
  }

  void skip();
  void fetch();

 private:
  static Environment environment_of(const job::GetSourcesParameters& parameters);
  void run_hook(const std::string& script, const std::string& directory) const;
  void write_files() const;
  void configure_user();
  void hide_token();
  void clean_up();
  void write_configs() const;
  void bring_submodules() const;
  void give_away() const;

  const job::GetSourcesParameters& parameters_;
  Environment environment_;
  Git git_;
  SourcePaths paths_;
};

Environment Sources::environment_of(const job::GetSourcesParameters& parameters) {
  auto result = Environment::inherited();
  for (const auto& [name, value] : parameters.variables) result.set(name, value);
  for (const auto& name : result.fit())
    warning("The variable " + name + " is too large to be passed to git");
  // Checked out are the pointers; what they point to is fetched in one go afterwards.
  if (parameters.lfs) result.set("GIT_LFS_SKIP_SMUDGE", "1");
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
  if (!parameters_.credential_origins.empty()) {
    make_directory(parameters_.temp_dir);
    write_fresh_file(paths_.external_config, external_config(parameters_));
    hide_token();
  }
  const bool empty = parameters_.strategy == "empty";
  notice(empty ? "Skipping Git repository setup and creating an empty build directory"
               : "Skipping Git repository setup");
  if (empty) remove_tree(parameters_.project_dir);
  make_directory(parameters_.project_dir);
  notice("Skipping Git checkout");
  notice("Skipping Git submodules setup");
}

void Sources::fetch() {
  make_directory(parameters_.temp_dir);
  write_files();
  configure_user();
  run_hook(parameters_.pre_script, "");
  clean_up();
  write_configs();
  const OuterConfig outer{environment_};
  std::optional<Child> forgetting;
  Checkout{parameters_, paths_, git_, environment_, outer}.run(forgetting);
  bring_submodules();
  run_hook(parameters_.post_script, parameters_.project_dir);
  give_away();
  if (forgetting) forgetting->wait();
}

/// git needs them as much as the job's scripts do: keys, certificates.
void Sources::write_files() const {
  for (const auto& [name, content] : parameters_.files) {
    if (!is_file_name(name))
      throw StageFailure{1, "get_sources: '" + name + "' is no name for a file variable"};
    write_shared_file(fs::path{parameters_.temp_dir} / name, content, true);
  }
}

void Sources::configure_user() {
  if (parameters_.safe_directory) git_.trust_project_directory();
  if (const auto tls = tls_sections(parameters_); parameters_.global_tls && !tls.empty())
    git_.add_global_config(tls);
  if (!parameters_.credential_origins.empty()) hide_token();
}

/// From here on git takes the user's configuration from a seed that leads to the helper which
/// knows the token.
void Sources::hide_token() {
  const auto home = environment_.find("HOME").value_or("");
  write_shared_file(paths_.global_seed, global_seed(home, paths_.external_config.string()));
  environment_.set("GIT_CONFIG_GLOBAL", paths_.global_seed.string());
}

void Sources::clean_up() {
  // A link instead of the project directory would send the clean-up to another project's files.
  if (fs::is_symlink(parameters_.project_dir)) fs::remove(parameters_.project_dir);
  make_directory(parameters_.temp_dir);
  const GitCleanup what{parameters_.clean_git_config, parameters_.submodule_strategy != "none"};
  clean_git_directory(parameters_.project_dir, paths_.git_template, what);
  if (parameters_.strategy == "clone") remove_tree(parameters_.project_dir);
}

void Sources::write_configs() const {
  make_directory(paths_.git_template);
  write_fresh_file(paths_.git_template / "config",
                   template_config(paths_.external_config.string()));
  if (!parameters_.correlation_id.empty())
    notice("Gitaly correlation ID: " + parameters_.correlation_id);
  write_fresh_file(paths_.external_config, external_config(parameters_));
}

void Sources::bring_submodules() const {
  if (parameters_.submodule_strategy == "none")
    notice("Skipping Git submodules setup");
  else
    Submodules{parameters_, git_, environment_}.update();
}

void Sources::give_away() const {
  fix_ownership(parameters_.builds_dir, {parameters_.builds_dir, parameters_.cache_dir});
}

/// Payload values that git would take for options.
void check(const job::GetSourcesParameters& parameters) {
  const auto is_option = [](const std::string& text) { return text.starts_with('-'); };
  for (const auto& refspec : parameters.refspecs)
    if (is_option(refspec)) throw StageFailure{1, "get_sources: a refspec begins with '-'"};
  if (is_option(parameters.sha) || (parameters.sha.empty() && parameters.checkout))
    throw StageFailure{1, "get_sources: '" + parameters.sha + "' is not a commit"};
  if (is_option(parameters.remote_url) || parameters.remote_url.empty())
    throw StageFailure{1, "get_sources: the job has no repository URL"};
  for (const auto* known : {"none", "normal", "recursive"})
    if (parameters.submodule_strategy == known) return;
  throw StageFailure{1, "unknown GIT_SUBMODULE_STRATEGY"};
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
