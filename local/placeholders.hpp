#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace slipway::local {

/// Replaces the keys of `values` in every string of the payload's `git_info`, `variables` and
/// `credentials`. Scripts are left alone: there such a text is the user's.
void fill_placeholders(nlohmann::json& payload, const std::map<std::string, std::string>& values);

}  // namespace slipway::local
