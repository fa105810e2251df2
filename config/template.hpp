#pragma once

#include <string>

#include "config/entry.hpp"

namespace slipway::config {

/// Takes what `entry` lacks from the only `[[runners]]` of a file: each key where the entry has
/// none, or zero; tables key by key; arrays of tables (services, volumes) as they are. Never the
/// token, its times and the id. \throws ConfigError: the file is missing, cannot be read or has not
/// exactly one runner.
void merge_template(RunnerEntry& entry, const std::string& path);

}  // namespace slipway::config
