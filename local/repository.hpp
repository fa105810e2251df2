#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace slipway::local {

/// git could not do what was asked; the text holds the command (without paths of ours) and the end
/// of its error output.
class GitError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A bare repository made for the coordinator.
struct Repository {
  std::filesystem::path bare;
  std::string ref;  ///< branch name
  std::string sha;  ///< of the commit on that branch and on refs/pipelines/<id>
};

/// Commits the present content of `directory` (uncommitted files included, ignored ones not) to a
/// new bare repository at `bare`, on `branch` and on refs/pipelines/<pipeline_id>. `directory` need
/// not be a repository and is not changed. Blocks until git is done. \throws GitError.
Repository snapshot(const std::filesystem::path& directory, const std::filesystem::path& bare,
                    const std::string& branch = "main", std::int64_t pipeline_id = 1);

}  // namespace slipway::local
