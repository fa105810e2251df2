#pragma once

#include <CLI/App.hpp>
#include <string>

/// What is made of the command model for shells and man(1): every command with all its flags.
namespace slipway::cmd {

/// A completion script for `bash`, `zsh` or `fish`. `app` has all commands with their flags.
/// \throws UsageError for another shell.
std::string completion_script(const CLI::App& app, const std::string& program,
                              const std::string& shell);

/// A manual page in roff: of the program, or of one command when `command` is given.
std::string man_page(const CLI::App& app, const std::string& program, const CLI::App* command);

}  // namespace slipway::cmd
