#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "local/ci/facts.hpp"
#include "local/exec/git.hpp"

namespace slipway::local::exec {

/// The git repository around a directory, as it was when it was looked at. A directory outside of
/// every repository is a WorkTree as well, without git: its files can be read, no more.
class WorkTree {
 public:
  /// Looks for it. \throws GitError for a bare repository and one that git refuses to read,
  /// std::filesystem::filesystem_error for a directory that is not there.
  static WorkTree find(const std::filesystem::path& directory);

  bool has_git() const { return !git_dir_.empty(); }
  bool has_commits() const { return !head_.empty(); }
  const std::filesystem::path& root() const { return root_; }
  const std::filesystem::path& git_dir() const { return git_dir_; }
  /// Where the repository's own objects and index lie.
  const std::filesystem::path& objects() const { return objects_; }
  const std::filesystem::path& index() const { return index_; }
  bool shallow() const { return shallow_; }
  const std::string& object_format() const { return object_format_; }
  const std::string& head() const { return head_; }
  /// Of `remote.origin.url`; empty if there is none.
  std::string origin_url() const;
  Git git() const { return Git{root_}; }

  /// What a pipeline of this tree is told. `created_at` and the pipeline's numbers are the
  /// caller's.
  ci::RepositoryFacts facts() const;
  /// The commit that changes are counted from: where the branch left the default branch; on the
  /// default branch itself, what its upstream has, or else the commit before. Empty: none.
  std::string base() const;

 private:
  void read_head(const Git& git);
  void read_default_branch(const Git& git);
  std::string setting(const std::string& key) const;

  std::filesystem::path root_;
  std::filesystem::path git_dir_;
  std::filesystem::path objects_;
  std::filesystem::path index_;
  bool shallow_ = false;
  std::string object_format_ = "sha1";
  std::string branch_;  ///< empty: detached
  std::string tag_;     ///< of a detached HEAD
  std::string head_;    ///< empty: no commits
  std::string parent_;  ///< its first; empty: none
  std::string default_branch_ = "main";
  std::vector<std::string> default_tips_;  ///< its commits, of the remote first
  std::string author_;
  std::string date_;
  std::string message_;
  std::map<std::string, std::string> settings_;
};

/// `group/name` from a remote's URL (`git@host:group/name.git`, `https://host/group/name`, a path,
/// of which the last two parts count), fit for the coordinator: of letters, digits and `-_.` alone.
/// Empty if nothing is left.
std::string project_path_of(std::string_view remote_url);

}  // namespace slipway::local::exec
