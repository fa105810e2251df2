#include "helper/sources/checkout.hpp"

#include <algorithm>
#include <charconv>

#include "helper/sources/files.hpp"
#include "helper/sources/git_config.hpp"
#include "helper/sources/git_index.hpp"
#include "helper/sources/lfs.hpp"
#include "helper/sources/repository.hpp"
#include "job/git_urls.hpp"

namespace slipway::helper {
namespace fs = std::filesystem;
namespace {

using Words = std::vector<std::string>;

constexpr int native_clone_major = 2;
constexpr int native_clone_minor = 49;
constexpr std::size_t longest_version = 1024;

void append(Words& list, const Words& more) {
  list.insert(list.end(), more.begin(), more.end());
}

bool is_empty(const fs::path& directory) {
  std::error_code error;
  return !fs::exists(fs::symlink_status(directory)) || fs::is_empty(directory, error);
}

/// The references of the server that refspecs ask for by name: no patterns, no commits.
Words asked_references(const Words& refspecs) {
  Words result;
  for (std::string refspec : refspecs) {
    if (refspec.starts_with('+')) refspec.erase(0, 1);
    refspec.resize(std::min(refspec.find(':'), refspec.size()));
    const bool is_commit =
        refspec.size() >= 40 && refspec.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!refspec.empty() && !is_commit && refspec.find('*') == std::string::npos &&
        !refspec.starts_with('^'))
      result.push_back(std::move(refspec));
  }
  return result;
}

/// Of `git version 2.49.0`.
bool is_at_least(std::string_view text, int wanted_major, int wanted_minor) {
  constexpr std::string_view prefix = "git version ";
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  int major = 0;
  int minor = 0;
  const auto* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return false;
  if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc{}) return false;
  return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

}  // namespace

Checkout::Checkout(const job::GetSourcesParameters& parameters, const SourcePaths& paths,
                   const Git& git, const Environment& environment, const OuterConfig& outer)
    : parameters_{parameters},
      paths_{paths},
      git_{git},
      environment_{environment},
      outer_{outer},
      git_dir_{fs::path{parameters.project_dir} / ".git"} {}

void Checkout::run(std::optional<Child>& forgetting) {
  const bool was_known = fs::exists(git_dir_);
  try {
    bring_up(forgetting);
    return;
  } catch (const StageFailure& failure) {
    if (!was_known || was_stopped(failure.exit_code()) || !repository_is_to_blame()) throw;
  }
  warning("git failed in the repository of an earlier job. Starting again with a fresh one...");
  remove_tree(parameters_.project_dir);
  bring_up(forgetting);
}

void Checkout::bring_up(std::optional<Child>& forgetting) {
  was_empty_ = is_empty(parameters_.project_dir);
  cloned_ = clone();
  if (!cloned_) {
    if (parameters_.depth > 0)
      notice("Fetching changes with git depth set to " + std::to_string(parameters_.depth) + "...");
    else
      notice("Fetching changes...");
    initialize();
    fetch();
  }
  // It runs beside the checkout.
  forgetting.reset();
  if (auto child = forget_credentials()) forgetting.emplace(std::move(*child));
  if (!parameters_.checkout) {
    notice("Skipping Git checkout");
    return;
  }
  check_out();
  clean();
  pull_lfs();
}

/// By one `git clone`. False, with nothing done, where that is not wanted or not possible.
bool Checkout::clone() {
  if (!parameters_.native_clone || parameters_.strategy != "clone" || !was_empty_) return false;
  if (!has_native_clone()) return false;
  print("Git version at least \"2.49\"\n");
  const auto& ref = parameters_.ref;
  std::string text = "Cloning repository";
  if (!ref.empty()) text += " for " + ref;
  if (!ref.empty() && parameters_.depth > 0)
    text += " with git depth set to " + std::to_string(parameters_.depth);
  notice(text + "...");
  step_ = Step::fetch;
  auto arguments = with_server({"-c", "include.path=" + paths_.external_config.string(), "clone",
                                "--no-checkout", parameters_.remote_url, parameters_.project_dir,
                                "--template", paths_.git_template.string()});
  if (parameters_.depth > 0) append(arguments, {"--depth", std::to_string(parameters_.depth)});
  if (!ref.empty()) append(arguments, {ref.starts_with("refs/") ? "--revision" : "--branch", ref});
  append(arguments, parameters_.clone_flags);
  git_.run_here(std::move(arguments));
  return true;
}

bool Checkout::has_native_clone() const {
  Command command;
  command.arguments = {"git", "version"};
  const auto version = read_output(command, environment_, longest_version);
  return version && is_at_least(*version, native_clone_major, native_clone_minor);
}

void Checkout::initialize() {
  step_ = Step::initialize;
  const auto& format = parameters_.object_format;
  const bool is_usual = format.empty() || format == "sha1";
  const auto config = template_config(paths_.external_config.string());
  if (!is_usual || !initialize_repository(parameters_.project_dir, config, environment_, outer_)) {
    Words arguments{"-c",         "init.defaultBranch=none",   "init", parameters_.project_dir,
                    "--template", paths_.git_template.string()};
    if (!is_usual) append(arguments, {"--object-format", format});
    git_.run_here(std::move(arguments));
  }
  set_origin();
}

void Checkout::set_origin() const {
  const auto& url = parameters_.remote_url;
  if (parameters_.clean_git_config) {
    // The config was made anew a moment ago, so this is what `git remote add` would do, one process
    // less.
    append_to_file(git_dir_ / "config", origin_section(url));
    notice("Created fresh repository.");
    return;
  }
  if (git_.try_run({"remote", "add", "origin", url}, true) == 0) {
    notice("Created fresh repository.");
    return;
  }
  git_.run({"remote", "set-url", "origin", url});
  git_.run({"config", "--replace-all", "include.path", paths_.external_config.string(),
            R"(\.gitlab-runner\.ext\.conf$)"});
}

/// A git command that talks to the server.
Words Checkout::with_server(Words arguments) const {
  Words result;
  if (!parameters_.user_agent.empty())
    append(result, {"-c", "http.userAgent=" + parameters_.user_agent});
  const auto origin = job::url_origin(parameters_.remote_url);
  if (parameters_.proactive_auth && origin.starts_with("http"))
    append(result, {"-c", "http." + origin + ".proactiveAuth=basic"});
  append(result, arguments);
  return result;
}

void Checkout::fetch() {
  step_ = Step::fetch;
  auto arguments = with_server({});
  if (!needs_collection()) append(arguments, {"-c", "maintenance.auto=false"});
  append(arguments, {"fetch", "origin", "--no-recurse-submodules"});
  append(arguments, parameters_.refspecs);
  if (parameters_.depth > 0) append(arguments, {"--depth", std::to_string(parameters_.depth)});
  append(arguments, parameters_.fetch_flags);
  if (parameters_.depth <= 0 && fs::exists(git_dir_ / "shallow"))
    arguments.push_back("--unshallow");
  git_.run(std::move(arguments));
}

/// Whether git is to look for garbage after the fetch, in a process of its own.
bool Checkout::needs_collection() const {
  for (const auto& flag : parameters_.fetch_flags)
    if (flag.find("maintenance") != std::string::npos || flag.find("gc") != std::string::npos)
      return true;
  return !parameters_.clean_git_config || outer_.may_mention("[gc") ||
         outer_.may_mention("maintenance") || may_need_collection(git_dir_);
}

void Checkout::check_out() {
  notice("Checking out " + parameters_.sha.substr(0, 8) + " as detached HEAD (ref is " +
         parameters_.ref + ")...");
  // An index in two files would hide entries from those who read it here.
  const Words arguments{"-c",       "submodule.recurse=false",
                        "-c",       "core.splitIndex=false",
                        "checkout", "-f",
                        "-q",       parameters_.sha};
  if (cloned_ && git_.try_run(arguments) == 0) return;
  // What a shallow clone brought may not hold the commit any more.
  if (cloned_) fetch();
  step_ = Step::checkout;
  git_.run(arguments);
}

void Checkout::clean() {
  step_ = Step::clean;
  const auto& flags = parameters_.clean_flags;
  // Into an empty directory came nothing but what was checked out.
  const bool nothing_to_do = was_empty_ && flags == Words{"-ffdx"} && !outer_.may_mention("hooks");
  if (flags.empty() || nothing_to_do) return;
  Words arguments{"clean"};
  append(arguments, flags);
  git_.run(std::move(arguments));
}

void Checkout::pull_lfs() const {
  if (!parameters_.lfs ||
      !may_use_lfs(parameters_.project_dir, hash_size(parameters_.object_format), environment_) ||
      !has_lfs(environment_))
    return;
  git_.run({"lfs", "pull"});
  print("\n");
}

std::optional<Child> Checkout::forget_credentials() const {
  return reject_credentials(parameters_.remote_url, git_, outer_);
}

/// Whether a fresh repository may help: not where the server cannot be reached, refuses us or lacks
/// what is asked of it.
bool Checkout::repository_is_to_blame() const {
  if (step_ == Step::clean) return false;
  if (step_ != Step::fetch) return true;
  const auto references = asked_references(parameters_.refspecs);
  if (references.empty()) return server_has("");
  return std::all_of(references.begin(), references.end(),
                     [this](const std::string& reference) { return server_has(reference); });
}

bool Checkout::server_has(const std::string& reference) const {
  auto arguments =
      with_server({"-c", "include.path=" + paths_.external_config.string(), "ls-remote"});
  if (!reference.empty()) arguments.push_back("--exit-code");
  append(arguments, {"--", parameters_.remote_url});
  if (!reference.empty()) arguments.push_back(reference);
  return git_.try_run_outside(std::move(arguments)) == 0;
}

std::optional<Child> reject_credentials(const std::string& url, const Git& git,
                                        const OuterConfig& outer) {
  const auto origin = job::url_origin(url);
  const bool is_known = origin.starts_with("http://") || origin.starts_with("https://") ||
                        origin.starts_with("ssh://");
  if (!is_known || !outer.may_mention("helper")) return std::nullopt;
  return git.start({"credential", "reject"}, "url=" + origin + "\nusername=gitlab-ci-token\n");
}

}  // namespace slipway::helper
