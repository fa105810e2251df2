#pragma once

#include <string>
#include <string_view>

namespace slipway::gitlab_api {

/// `^[sr]_[0-9a-zA-Z]{12}$`.
bool is_system_id(std::string_view text);

/// The id of a machine: `s_` and 12 hex digits derived from its machine id, or `r_` and 12 random
/// characters when that is "".
std::string make_system_id(std::string_view machine_id);

}  // namespace slipway::gitlab_api
