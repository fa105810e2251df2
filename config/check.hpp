#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/toml.hpp"

namespace slipway::config {

/// Compares a parsed file with the schema: afterwards every known key holds its kind, and binding
/// need not look again. \throws ConfigError at the first value of a wrong type. Returns a warning
/// for each unknown key and bare-integer duration.
std::vector<Warning> check(const toml::table& file, const std::string& path);

}  // namespace slipway::config
