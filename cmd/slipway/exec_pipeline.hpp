#pragma once

#include <filesystem>
#include <string>

#include "cmd/slipway/exec_options.hpp"
#include "local/ci/pipeline.hpp"
#include "local/exec/tree_files.hpp"
#include "local/exec/work_tree.hpp"

namespace slipway::cmd {

/// The work tree with everything that is needed to compile its configuration, also for child
/// pipelines. Not movable: parts refer to each other.
class ExecProject {
 public:
  /// \throws Fatal.
  explicit ExecProject(const ExecOptions& options);
  ExecProject(const ExecProject&) = delete;

  const local::exec::WorkTree& tree() const { return tree_; }
  local::exec::TreeFiles& files() { return files_; }
  local::exec::TreeHistory& history() { return history_; }
  /// What the next compile() tells the pipeline: the numbers and the snapshot's commit may be set.
  local::ci::RepositoryFacts& facts() { return compile_options_.facts; }

  /// \throws local::ci::ConfigError.
  local::ci::Pipeline compile();

 private:
  const ExecOptions& options_;
  local::exec::WorkTree tree_;
  local::exec::TreeFiles files_;
  local::exec::TreeHistory history_;
  local::ci::CompileOptions compile_options_;
};

}  // namespace slipway::cmd
