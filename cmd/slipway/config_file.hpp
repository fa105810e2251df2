#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cmd/slipway/commands.hpp"
#include "config/config.hpp"
#include "gitlab_api/client.hpp"

/// What the commands that work on config.toml share.
namespace slipway::cmd {

/// Adds `-c --config` (`CONFIG_FILE`); `path` is set to the default at once and must outlive
/// `command`.
void add_config_option(CLI::App& command, const Context& context, std::string& path);

/// Loads the file and logs its warnings; settles what the log looks like; says where GitLab
/// Runner's file is when only that is there. \throws config::ConfigError.
config::Config load_config(const Context& context, const std::string& path);

enum class ModeHint { none, jobs_need_a_process };
/// Logs whether the system's or a user's configuration is worked on.
void log_mode(const Context& context, ModeHint hint);

/// The id of this machine, kept beside the file. \throws Fatal.
std::string system_id(const std::string& config_path);

/// How to call the coordinator of `runner`: its TLS files, or those of the certificate directory.
gitlab_api::ClientOptions client_options(const config::Runner& runner, const Context& context,
                                         const std::string& system_id);

/// What this program says of itself to the coordinator, without an executor.
gitlab_api::RunnerInfo runner_info();

}  // namespace slipway::cmd
