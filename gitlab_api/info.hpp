#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "gitlab_api/client.hpp"

namespace slipway::gitlab_api {

/// `info` as sent: every feature flag is there as a boolean, and true exactly when this build does
/// what it promises. Without an executor (register) only what the client itself does is true.
/// GitLab API: `info`.
nlohmann::json info_json(const RunnerInfo& info);

/// `slipway 0.1.0 (<revision>; gcc12.2.0; linux/amd64)`.
std::string user_agent(const RunnerInfo& info);

}  // namespace slipway::gitlab_api
