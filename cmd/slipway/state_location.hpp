#pragma once

#include <filesystem>

#include "config/config.hpp"
#include "config/paths.hpp"

namespace slipway::cmd {

/// The state directory of the daemon that serves `config`: the file's `state_dir`, else the default
/// for the default file, else `state` beside it. \param config_path  absolute.
std::filesystem::path state_location(const config::Config& config, const config::Paths& paths,
                                     const std::filesystem::path& config_path);

/// Whether a process holds the lock of the state directory now.
enum class DaemonState { running, stopped, never_ran };
/// \throws std::runtime_error: not allowed to look.
DaemonState daemon_state(const std::filesystem::path& state_dir);

}  // namespace slipway::cmd
