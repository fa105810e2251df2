#pragma once

#include <string>
#include <vector>

#include "helper/sources/git.hpp"
#include "job/git_stage.hpp"

namespace slipway::helper {

/// Brings the submodules of a checked-out commit along, in the documented order of git commands.
/// Everything in the work tree and below `.git/modules` counts as written
/// by a hostile earlier job, `.gitmodules` as written by a hostile author: git itself refuses what
/// that must not say.
class Submodules {
 public:
  /// `environment`: of git, with GLR_EXT_GIT_CONFIG_PATH. All must outlive this object.
  Submodules(const job::GetSourcesParameters& parameters, const Git& git,
             const Environment& environment);

  /// \throws StageFailure when git fails twice.
  void update() const;

 private:
  using Words = std::vector<std::string>;

  bool is_recursive() const { return parameters_.submodule_strategy == "recursive"; }
  void prepare() const;
  void bring_up() const;
  void finish() const;
  int try_update() const;
  void sync() const;
  void for_each(const Words& command) const;
  void clean() const;
  void start_again() const;

  const job::GetSourcesParameters& parameters_;
  const Git& git_;
  const Environment& environment_;
};

}  // namespace slipway::helper
