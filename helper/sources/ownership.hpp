#pragma once

#include <string>
#include <vector>

namespace slipway::helper {

/// Gives `directories` and all below them to the user that `<builds_dir>/.gitlab-build-uid-gid`
/// names (`uid:gid`). Without that file, or with anything else in it, nothing happens. No symbolic
/// link is followed. \throws StageFailure for a file whose owner cannot be changed.
void fix_ownership(const std::string& builds_dir, const std::vector<std::string>& directories);

}  // namespace slipway::helper
