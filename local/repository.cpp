#include "local/repository.hpp"

#include <vector>

#include "local/child_process.hpp"

namespace slipway::local {

namespace {

/// Runs git and returns what it printed, without the last newline.
std::string git(std::vector<std::string> arguments, Environment environment) {
  const auto name = arguments.front();
  arguments.insert(arguments.begin(), "git");
  environment.insert(environment.end(), {
                                            "GIT_CONFIG_NOSYSTEM=1",
                                            "GIT_CONFIG_GLOBAL=/dev/null",
                                            "GIT_AUTHOR_NAME=slipway",
                                            "GIT_AUTHOR_EMAIL=slipway@localhost",
                                            "GIT_COMMITTER_NAME=slipway",
                                            "GIT_COMMITTER_EMAIL=slipway@localhost",
                                            "LC_ALL=C",
                                        });
  auto result = run_program(arguments, environment);
  if (result.exit_code != 0)
    throw GitError{"git " + name + " ended with exit code " + std::to_string(result.exit_code) +
                   ": " + result.errors};
  while (result.output.ends_with('\n')) result.output.pop_back();
  return result.output;
}

}  // namespace

Repository snapshot(const std::filesystem::path& directory, const std::filesystem::path& bare,
                    const std::string& branch, std::int64_t pipeline_id) {
  if (!std::filesystem::is_directory(directory))
    throw GitError{"no such directory: " + directory.string()};
  const auto repository = std::filesystem::absolute(bare);
  if (std::filesystem::exists(repository)) throw GitError{"already there: " + repository.string()};
  const auto tree = std::filesystem::absolute(directory);
  const auto branch_ref = "refs/heads/" + branch;
  git({"check-ref-format", branch_ref}, {});
  git({"init", "--quiet", "--bare", "--initial-branch=" + branch, repository.string()}, {});

  // The index lives in the new repository, so that one in `directory` stays as it is.
  const Environment environment{"GIT_DIR=" + repository.string(), "GIT_WORK_TREE=" + tree.string()};
  git({"--literal-pathspecs", "add", "--all", "--", tree.string()}, environment);
  const auto object = git({"write-tree"}, environment);
  const auto sha = git({"commit-tree", object, "-m", "Snapshot of the working tree"}, environment);
  git({"update-ref", branch_ref, sha}, environment);
  git({"update-ref", "refs/pipelines/" + std::to_string(pipeline_id), sha}, environment);
  std::filesystem::remove(repository / "index");
  return {repository, branch, sha};
}

}  // namespace slipway::local
