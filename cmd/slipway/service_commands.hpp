#pragma once

#include "cmd/slipway/commands.hpp"

/// The subcommands for the daemon as a service, and for its configuration file.
namespace slipway::cmd {

void add_lint_command(CLI::App& command, const Context& context, Action& action);
void add_drain_command(CLI::App& command, const Context& context, Action& action);
void add_install_command(CLI::App& command, const Context& context, Action& action);
void add_uninstall_command(CLI::App& command, const Context& context, Action& action);
void add_start_command(CLI::App& command, const Context& context, Action& action);
void add_stop_command(CLI::App& command, const Context& context, Action& action);
void add_restart_command(CLI::App& command, const Context& context, Action& action);

}  // namespace slipway::cmd
