#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "config/paths.hpp"

/// The subcommands: each function adds the flags of one to `command` and sets what it does.
namespace slipway::cmd {

/// What every command knows of its surroundings. Lives as long as the program.
struct Context {
  config::Identity identity;
  config::Paths paths;
};

/// Runs a command once its flags are read and logging is set up. Returns the exit code.
/// \throws UsageError, Fatal, config::ConfigError.
using Action = std::function<int()>;

void add_register_command(CLI::App& command, const Context& context, Action& action);
void add_exec_command(CLI::App& command, const Context& context, Action& action);
void add_gc_command(CLI::App& command, const Context& context, Action& action);
void add_list_command(CLI::App& command, const Context& context, Action& action);
void add_status_command(CLI::App& command, const Context& context, Action& action);
void add_verify_command(CLI::App& command, const Context& context, Action& action);
void add_unregister_command(CLI::App& command, const Context& context, Action& action);
void add_reset_token_command(CLI::App& command, const Context& context, Action& action);
void add_run_command(CLI::App& command, const Context& context, Action& action);
void add_run_single_command(CLI::App& command, const Context& context, Action& action);

}  // namespace slipway::cmd
