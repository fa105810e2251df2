#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "config/entry.hpp"

/// Changes of single keys of config.toml in place, as edit.hpp does it. All that write \throw
/// ConfigError.
namespace slipway::config {

/// Gives the first runner for which `matches` holds the values that `entry` has; its other keys
/// stay. Nothing is written when it has them already. Returns false when there is no such runner.
bool update_runner(const std::string& path, const std::function<bool(const Runner&)>& matches,
                   const RunnerEntry& entry);

/// \throws std::invalid_argument, with a text for the user: there is no such key of a runner.
void check_runner_key(std::string_view key);

/// Sets one key of that runner: `key` as in `docker.shm_size`, `value` in TOML's notation.
/// The key must be known.
bool set_runner_key(const std::string& path, const std::function<bool(const Runner&)>& matches,
                    std::string_view key, std::string_view value);

/// Sets `concurrent`.
void set_concurrent(const std::string& path, int jobs);

/// A file with GitLab Runner's defaults and no runners, unless there is one.
void create_config(const std::string& path);

/// The same on texts, which are as they were where the place cannot be found.
std::string with_runner_key(std::string_view text, std::size_t index, std::string_view key,
                            std::string_view value);
std::string with_top_key(std::string_view text, std::string_view key, std::string_view value);

}  // namespace slipway::config
