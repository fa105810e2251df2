#pragma once

#include <string>
#include <string_view>

namespace slipway::helper {

/// Runs one native stage in this process, which was started for it alone and ends with the returned
/// exit code. `name` is the stage's, `parameters_json` what the daemon gave with it. Its output is
/// the stage's output. An unknown name is reported on stderr and gives 2.
int run_native_stage(std::string_view name, std::string parameters_json);

}  // namespace slipway::helper
