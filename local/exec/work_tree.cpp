#include "local/exec/work_tree.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace slipway::local::exec {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// A part of a project's path without what URLs and the coordinator do not take.
std::string plain_part(std::string_view part) {
  std::string result;
  for (const char c : part) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    result += plain ? c : '-';
  }
  if (result.ends_with(".git")) result.resize(result.size() - 4);
  if (result == "." || result == "..") result.clear();
  return result;
}

/// The tag among `%D`: `HEAD, tag: v1.0, main`.
std::string tag_in(std::string_view decoration) {
  constexpr std::string_view mark = "tag: ";
  const auto at = decoration.find(mark);
  if (at == std::string_view::npos) return {};
  decoration.remove_prefix(at + mark.size());
  return std::string{decoration.substr(0, decoration.find(','))};
}

}  // namespace

std::string project_path_of(std::string_view url) {
  std::size_t parts_wanted = 2;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const bool file = url.starts_with("file");
    url.remove_prefix(scheme + 3);
    if (!file) {
      url.remove_prefix(std::min(url.find('/'), url.size()));
      parts_wanted = 20;
    }
  } else if (const auto colon = url.find(':');
             colon != std::string_view::npos && url.find('/') > colon) {
    url.remove_prefix(colon + 1);  // git@host:group/name.git
    parts_wanted = 20;
  }
  std::vector<std::string> parts;
  while (!url.empty()) {
    const auto end = std::min(url.find('/'), url.size());
    if (auto part = plain_part(url.substr(0, end)); !part.empty()) parts.push_back(std::move(part));
    url.remove_prefix(std::min(end + 1, url.size()));
  }
  if (parts.size() > parts_wanted)
    parts.erase(parts.begin(), parts.end() - static_cast<std::ptrdiff_t>(parts_wanted));
  std::string path;
  for (const auto& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

WorkTree WorkTree::find(const fs::path& directory) {
  WorkTree tree;
  tree.root_ = fs::canonical(directory);
  const Git git{tree.root_};
  auto answer = git.ask({"rev-parse", "--path-format=absolute", "--is-bare-repository",
                         "--show-toplevel", "--absolute-git-dir", "--git-path", "objects",
                         "--git-path", "index", "--is-shallow-repository", "--show-object-format"});
  if (!answer) {
    // Said by git itself: a bare repository, or one that belongs to somebody else.
    if (git.ask({"rev-parse", "--is-bare-repository"}) == "true")
      throw GitError{tree.root_.string() + " is a bare repository: it has no work tree to run"};
    if (fs::exists(tree.root_ / ".git")) git.run({"rev-parse", "--show-toplevel"});
    return tree;
  }
  const auto lines = lines_of(*answer);
  constexpr std::size_t expected = 7;
  if (lines.size() != expected) throw GitError{"git rev-parse gave an unexpected answer"};
  tree.root_ = lines[1];
  tree.git_dir_ = lines[2];
  tree.objects_ = lines[3];
  tree.index_ = lines[4];
  tree.shallow_ = lines[5] == "true";
  tree.object_format_ = lines[6];
  const auto here = tree.git();
  const auto settings = here.ask({"config", "--null", "--get-regexp",
                                  R"(^(remote\..*\.url|user\.(name|email)|init\.defaultbranch)$)"});
  for (const auto& entry : split_nul(settings.value_or(""))) {
    const auto end = entry.find('\n');
    if (end != std::string::npos) tree.settings_[entry.substr(0, end)] = entry.substr(end + 1);
  }
  tree.read_head(here);
  tree.read_default_branch(here);
  return tree;
}

void WorkTree::read_head(const Git& git) {
  branch_ = git.ask({"symbolic-ref", "--quiet", "--short", "HEAD"}).value_or("");
  const auto commit = git.ask({"log", "-1", "--no-show-signature", "--decorate=short",
                               "--format=%H%x00%P%x00%an <%ae>%x00%cI%x00%D%x00%B", "HEAD"});
  if (!commit) return;
  auto fields = split_nul(*commit);
  fields.resize(6);
  head_ = fields[0];
  parent_ = fields[1].substr(0, fields[1].find(' '));
  author_ = fields[2];
  date_ = fields[3];
  if (branch_.empty()) tag_ = tag_in(fields[4]);
  message_ = fields[5];
  while (message_.ends_with('\n')) message_.pop_back();
}

void WorkTree::read_default_branch(const Git& git) {
  constexpr std::string_view remote = "refs/remotes/origin/";
  constexpr std::string_view local = "refs/heads/";
  const auto refs = git.ask({"for-each-ref", "--format=%(refname) %(objectname) %(symref)",
                             "refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master"});
  std::map<std::string, std::string> tips;
  std::string found;
  for (const auto& line : lines_of(refs.value_or(""))) {
    std::istringstream fields{line};
    std::string name;
    std::string commit;
    std::string target;
    fields >> name >> commit >> target;
    if (target.starts_with(remote)) {
      default_tips_.push_back(commit);
      found = target.substr(remote.size());
    } else {
      tips[name.substr(std::min(local.size(), name.size()))] = commit;
    }
  }
  for (const auto* usual : {"main", "master"})
    if (found.empty() && tips.contains(usual)) found = usual;
  if (found.empty() && !has_commits()) found = setting("init.defaultbranch");
  if (found.empty()) found = branch_;
  if (found.empty()) return;
  default_branch_ = found;
  if (const auto tip = tips.find(found); tip != tips.end()) default_tips_.push_back(tip->second);
}

std::string WorkTree::setting(const std::string& key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? "" : found->second;
}

std::string WorkTree::origin_url() const {
  return setting("remote.origin.url");
}

ci::RepositoryFacts WorkTree::facts() const {
  ci::RepositoryFacts facts;
  auto path = project_path_of(origin_url());
  if (path.empty()) path = plain_part(root_.filename().string());
  if (path.empty()) path = "project";
  facts.project_path = path.find('/') == std::string::npos ? "local/" + path : path;
  if (!has_git()) return facts;
  facts.default_branch = default_branch_;
  if (has_commits()) facts.sha = head_;
  facts.is_tag = !tag_.empty();
  facts.ref = facts.is_tag ? tag_ : branch_;
  if (facts.ref.empty()) facts.ref = "detached-" + head_.substr(0, 8);
  facts.commit_message = message_;
  facts.commit_author = author_;
  facts.commit_timestamp = date_;
  facts.user_name = setting("user.name");
  facts.user_email = setting("user.email");
  if (const char* login = std::getenv("USER")) facts.user_login = login;
  return facts;
}

std::string WorkTree::base() const {
  for (const auto& tip : default_tips_) {
    if (tip == head_ || !has_commits()) continue;
    const auto common = git().ask({"merge-base", "HEAD", tip}).value_or("");
    if (!common.empty() && common != head_) return common;
  }
  return parent_;
}

}  // namespace slipway::local::exec
