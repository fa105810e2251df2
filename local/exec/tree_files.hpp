#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "local/ci/file_source.hpp"
#include "local/exec/projects.hpp"
#include "local/exec/work_tree.hpp"

namespace slipway::local::exec {

/// What the compiler reads: the work tree's files (or HEAD's alone), other projects by git,
/// templates from a directory, remote files over HTTP, artifacts of jobs that have run. Blocks.
class TreeFiles final : public ci::FileSource {
 public:
  struct Options {
    bool committed = false;              ///< HEAD's files instead of the work tree's
    std::filesystem::path cache;         ///< where other projects' objects go
    std::filesystem::path template_dir;  ///< empty: no templates
  };
  /// `tree` must outlive it.
  TreeFiles(const WorkTree& tree, Options options);

  std::optional<std::string> read(const ci::Origin& origin, const std::string& path) override;
  const std::vector<std::string>& list(const ci::Origin& origin) override;
  std::string fetch(const std::string& url) override;
  ci::Origin open_project(const std::string& path, const std::string& ref) override;
  ci::ComponentOrigin open_component(const std::string& address) override;
  std::string read_template(const std::string& name) override;
  std::string read_artifact(const std::string& job, const std::string& path) override;

  /// Says how artifacts are read, once there are some. The function throws SourceError.
  void set_artifacts(
      std::function<std::string(const std::string& job, const std::string& path)> f) {
    artifacts_ = std::move(f);
  }

 private:
  std::optional<std::string> read_own(const std::string& path) const;
  std::vector<std::string> list_own() const;

  const WorkTree& tree_;
  Options options_;
  Projects projects_;
  std::map<std::string, std::vector<std::string>> lists_;  ///< by `project@ref`
  std::function<std::string(const std::string&, const std::string&)> artifacts_;
};

/// Answers about a work tree's past.
class TreeHistory final : public ci::History {
 public:
  /// `tree` must outlive it. \param committed  uncommitted changes do not count.
  TreeHistory(const WorkTree& tree, bool committed) : tree_{tree}, committed_{committed} {}

  std::optional<std::vector<std::string>> changed_files(
      const std::optional<std::string>& compare_to) override;
  std::optional<std::string> last_commit_of(const std::string& path) override;

 private:
  const WorkTree& tree_;
  bool committed_;
};

}  // namespace slipway::local::exec
