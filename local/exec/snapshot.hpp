#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "local/ci/facts.hpp"
#include "local/exec/work_tree.hpp"

namespace slipway::local::exec {

/// What one repository's pipelines keep between runs, below a user's state directory: a bare
/// repository that has the snapshots' objects and borrows all others from the real one, the index
/// from which they are made, and the pipelines' counter. Locked while it is changed, so that runs
/// side by side do not disturb each other. Every call blocks.
class SnapshotStore {
 public:
  /// Makes it where it is not there. `tree` must outlive it and be a git repository.
  /// \throws std::runtime_error: not writable.
  SnapshotStore(const WorkTree& tree, const std::filesystem::path& state_dir);

  const std::filesystem::path& directory() const { return directory_; }
  /// To be served to the jobs.
  std::filesystem::path bare() const { return directory_ / "snapshot.git"; }

  /// A number that no pipeline of this repository had.
  std::int64_t next_pipeline();

  /// Commits the work tree with what is not committed, untracked files included and ignored ones
  /// not, on top of HEAD: the commit has HEAD's message, author and time, so that the same files
  /// give the same id; where nothing differs it is HEAD itself. The work tree, the index and the
  /// refs of the real repository stay as they are, to the byte. Filters that the user configured
  /// (LFS, line ends) act as in `git add`. Returns the commit's id. \throws GitError.
  std::string commit_work_tree();

  /// Makes a commit fetchable as the pipeline's: on `facts.ref`, on refs/pipelines/<id>, and with
  /// the real repository's other branches and tags. \throws GitError.
  void publish(const ci::RepositoryFacts& facts);

  /// Packs what has become many files. \throws GitError.
  void tidy();

 private:
  void make_bare() const;
  void refresh_index() const;
  Environment environment() const;

  const WorkTree& tree_;
  std::filesystem::path directory_;
};

}  // namespace slipway::local::exec
