#include "local/exec/tree_files.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "local/exec/remote_file.hpp"

namespace slipway::local::exec {

namespace {

namespace fs = std::filesystem;

/// More than the parser takes anyway.
constexpr std::uintmax_t max_file = 64u << 20;

std::optional<std::string> read_text(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  if (fs::file_size(path, error) > max_file || error)
    throw ci::SourceError{"the file is larger than 64 MiB"};
  std::ifstream file{path, std::ios::binary};
  if (!file) throw ci::SourceError{"the file cannot be read"};
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

bool has_dots(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

bool is_within(const fs::path& path, const fs::path& root) {
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

}  // namespace

TreeFiles::TreeFiles(const WorkTree& tree, Options options)
    : tree_{tree}, options_{std::move(options)}, projects_{tree.origin_url(), options_.cache} {}

std::optional<std::string> TreeFiles::read_own(const std::string& path) const {
  if (has_dots(path)) throw ci::SourceError{"'" + path + "' is outside of the repository"};
  if (options_.committed) return tree_.git().ask({"cat-file", "blob", "HEAD:" + path});
  const auto file = tree_.root() / path;
  std::error_code error;
  const auto real = fs::canonical(file, error);
  if (error) return std::nullopt;
  // A link could name any file of this host, and parts of it would end up in error texts.
  if (!is_within(real, tree_.root()))
    throw ci::SourceError{"'" + path + "' is a link that leads out of the repository"};
  return read_text(real);
}

std::optional<std::string> TreeFiles::read(const ci::Origin& origin, const std::string& path) {
  if (origin.is_repository()) return read_own(path);
  return projects_.read(origin, path);
}

std::vector<std::string> TreeFiles::list_own() const {
  if (!tree_.has_git())
    throw ci::SourceError{tree_.root().string() + " is no git repository: its files are not known"};
  const auto git = tree_.git();
  if (options_.committed)
    return split_nul(git.ask({"ls-tree", "-r", "-z", "--name-only", "HEAD"}).value_or(""));
  auto files = split_nul(git.run({"ls-files", "-z", "-co", "--exclude-standard", "--deduplicate"}));
  auto gone = split_nul(git.run({"ls-files", "-z", "-d"}));
  std::sort(files.begin(), files.end());
  std::sort(gone.begin(), gone.end());
  std::vector<std::string> there;
  std::set_difference(files.begin(), files.end(), gone.begin(), gone.end(),
                      std::back_inserter(there));
  return there;
}

const std::vector<std::string>& TreeFiles::list(const ci::Origin& origin) {
  const auto key = origin.project + "@" + origin.ref;
  const auto known = lists_.find(key);
  if (known != lists_.end()) return known->second;
  auto list = origin.is_repository() ? list_own() : projects_.list(origin);
  return lists_.emplace(key, std::move(list)).first->second;
}

std::string TreeFiles::fetch(const std::string& url) {
  return fetch_remote_file(url);
}

ci::Origin TreeFiles::open_project(const std::string& path, const std::string& ref) {
  return projects_.open(path, ref);
}

ci::ComponentOrigin TreeFiles::open_component(const std::string& address) {
  return projects_.open_component(address);
}

std::string TreeFiles::read_template(const std::string& name) {
  if (options_.template_dir.empty()) return FileSource::read_template(name);
  if (has_dots(name)) throw ci::SourceError{"'" + name + "' is outside of the templates"};
  const auto text = read_text(options_.template_dir / name);
  if (!text)
    throw ci::SourceError{"there is no '" + name + "' in " + options_.template_dir.string()};
  return *text;
}

std::string TreeFiles::read_artifact(const std::string& job, const std::string& path) {
  return artifacts_ ? artifacts_(job, path) : FileSource::read_artifact(job, path);
}

std::optional<std::vector<std::string>> TreeHistory::changed_files(
    const std::optional<std::string>& compare_to) {
  if (!tree_.has_commits()) return std::nullopt;
  const auto git = tree_.git();
  std::string base;
  if (compare_to) {
    for (const auto* prefix : {"refs/remotes/origin/", "refs/heads/", "refs/tags/", ""}) {
      const auto commit = git.ask({"rev-parse", "--verify", "--quiet", "--end-of-options",
                                   prefix + *compare_to + "^{commit}"});
      if (!commit) continue;
      base = git.ask({"merge-base", "HEAD", *commit}).value_or(*commit);
      break;
    }
    if (base.empty())
      throw ci::SourceError{"'" + *compare_to + "' is no branch, tag or commit of this repository"};
  } else {
    base = tree_.base();
    if (base.empty()) return std::nullopt;
  }
  std::vector<std::string> arguments{"diff",         "--name-only",   "-z",
                                     "--no-renames", "--no-ext-diff", base};
  if (committed_) arguments.emplace_back("HEAD");
  arguments.emplace_back("--");
  const auto changed = split_nul(git.run(arguments));
  std::set<std::string> files{changed.begin(), changed.end()};
  if (!committed_)
    for (auto& path : split_nul(git.run({"ls-files", "-z", "-o", "--exclude-standard"})))
      files.insert(std::move(path));
  return std::vector<std::string>{files.begin(), files.end()};
}

std::optional<std::string> TreeHistory::last_commit_of(const std::string& path) {
  if (!tree_.has_commits()) return std::nullopt;
  auto commit = tree_.git().ask({"log", "-1", "--format=%H", "HEAD", "--", path});
  if (!commit || commit->empty()) return std::nullopt;
  return commit;
}

}  // namespace slipway::local::exec
