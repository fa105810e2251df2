#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace slipway::local::ci {

/// Where a configuration file lies: a project at a commit or ref. Both empty: the repository whose
/// pipeline is compiled.
struct Origin {
  std::string project;
  std::string ref;

  bool is_repository() const { return project.empty(); }
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// Why a source has nothing to give: `the network is needed for it`. The text ends up in an error
/// that names the include.
class SourceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A component's files: where they lie, and the version that was chosen.
struct ComponentOrigin {
  Origin origin;
  std::string name;  ///< of the component, the last part of its path
};

/// Everything the compiler reads, and its only way to the outside. What a source cannot give it
/// refuses by SourceError, as these defaults do; tests and `slipway exec` bring their own.
class FileSource {
 public:
  virtual ~FileSource() = default;

  /// A file's content, by its path from the origin's root; absent if there is no such file.
  /// \throws SourceError.
  virtual std::optional<std::string> read(const Origin& origin, const std::string& path) = 0;
  /// Every file's path, sorted by bytes. The reference stays valid until the next call.
  /// \throws SourceError.
  virtual const std::vector<std::string>& list(const Origin& origin) = 0;

  /// The text behind an http(s) URL (`include:remote`). \throws SourceError.
  virtual std::string fetch(const std::string& url);
  /// Makes another project readable (`include:project`); an empty ref is its default branch.
  /// \throws SourceError.
  virtual Origin open_project(const std::string& path, const std::string& ref);
  /// Resolves `host/group/project/name@version` (`include:component`). \throws SourceError.
  virtual ComponentOrigin open_component(const std::string& address);
  /// A template that comes with GitLab (`include:template`), `Jobs/Build.gitlab-ci.yml`.
  /// \throws SourceError.
  virtual std::string read_template(const std::string& name);
  /// A file in the artifacts of a job that has run (`trigger:include:artifact`).
  /// \throws SourceError.
  virtual std::string read_artifact(const std::string& job, const std::string& path);
};

/// What the compiler asks about history. Absent answers are those of a repository without it.
class History {
 public:
  virtual ~History() = default;

  /// Paths that differ between `compare_to` (or, without one, what was pushed before) and the tree
  /// of the pipeline, uncommitted changes included. Absent: not known, as on a new branch; every
  /// `changes` is then met. \throws SourceError if `compare_to` is no ref.
  virtual std::optional<std::vector<std::string>> changed_files(
      const std::optional<std::string>& compare_to);
  /// The id of the last commit that changed a file (`cache:key:files_commits`).
  virtual std::optional<std::string> last_commit_of(const std::string& path);
};

}  // namespace slipway::local::ci
