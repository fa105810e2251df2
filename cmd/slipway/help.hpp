#pragma once

#include <CLI/App.hpp>
#include <string>

namespace slipway::cmd {

/// Help text of the program (commands and global options) or of one command (its flags with
/// environment variables and defaults). \param program  the name it was called by.
std::string program_help(const CLI::App& app, const std::string& program);
std::string command_help(const CLI::App& command, const std::string& program);

}  // namespace slipway::cmd
