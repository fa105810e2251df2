#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "helper/sources/git.hpp"
#include "helper/sources/outer_config.hpp"
#include "job/git_stage.hpp"

namespace slipway::helper {

/// Our files below a job's temp_dir.
struct SourcePaths {
  explicit SourcePaths(const std::filesystem::path& temp_dir)
      : git_template{temp_dir / "git-template"},
        external_config{temp_dir / ".gitlab-runner.ext.conf"},
        global_seed{temp_dir / ".glr.gconf"} {}

  std::filesystem::path git_template;
  std::filesystem::path external_config;
  std::filesystem::path global_seed;
};

/// The middle of get_sources: from a project directory that is cleaned, and configurations that are
/// written, to a work tree at the job's commit. In the common case git runs for the fetch, the
/// checkout and, in a known repository, its cleaning alone.
class Checkout {
 public:
  /// All must outlive this object.
  Checkout(const job::GetSourcesParameters& parameters, const SourcePaths& paths, const Git& git,
           const Environment& environment, const OuterConfig& outer);

  /// Where git fails in the repository of an earlier job though the server is there, a second try
  /// begins with nothing. `forgetting` becomes a process that nobody needs the result of.
  /// \throws StageFailure with the code of the git command that failed.
  void run(std::optional<Child>& forgetting);

 private:
  /// What git was doing when it failed.
  enum class Step { initialize, fetch, checkout, clean };

  void bring_up(std::optional<Child>& forgetting);
  bool clone();
  bool has_native_clone() const;
  void initialize();
  void set_origin() const;
  void fetch();
  bool needs_collection() const;
  void check_out();
  void clean();
  void pull_lfs() const;
  std::optional<Child> forget_credentials() const;
  bool repository_is_to_blame() const;
  bool server_has(const std::string& reference) const;
  std::vector<std::string> with_server(std::vector<std::string> arguments) const;

  const job::GetSourcesParameters& parameters_;
  const SourcePaths& paths_;
  const Git& git_;
  const Environment& environment_;
  const OuterConfig& outer_;
  std::filesystem::path git_dir_;
  bool was_empty_ = false;  ///< the project directory, before this try
  bool cloned_ = false;
  Step step_ = Step::initialize;
};

/// `git credential reject` for the server of `url`, so that no helper keeps a job's token; nullopt
/// where no credential helper is configured. Runs in the background.
std::optional<Child> reject_credentials(const std::string& url, const Git& git,
                                        const OuterConfig& outer);

}  // namespace slipway::helper
