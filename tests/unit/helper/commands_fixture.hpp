#pragma once

#include <map>
#include <string>
#include <vector>

#include "artifacts_fixture.hpp"

namespace slipway::helper {

/// Runs the helper's documented commands as a script does: in a process of its own, in the project
/// directory, with `environment_` on top of this process's.
class CommandTest : public ArtifactStageTest {
 protected:
  StageResult call(const std::vector<std::string>& words) const;
  /// Begins it; await its end with waitpid(). Output goes to `home_`/stage.out and .err.
  pid_t start(const std::vector<std::string>& words) const;

  std::map<std::string, std::string> environment_;
};

}  // namespace slipway::helper
