#pragma once

#include <span>
#include <string>
#include <string_view>

/// The commands that GitLab Runner documents for its helper, for scripts that call it. Predefined
/// stages do not go this way. Each takes the words after its name, works in the current directory
/// with this process's environment, and returns its exit code. \throws UsageError
namespace slipway::helper {

using Words = std::span<const std::string>;

int artifacts_uploader_command(Words words);
int artifacts_downloader_command(Words words);
int cache_archiver_command(Words words);
int cache_extractor_command(Words words);
/// Opens each of the directories it is given to everybody. What cannot be is logged, and no
/// failure.
int cache_init_command(Words words);
/// Waits for ports: all of those it is given on localhost, else one of those that variables of
/// linked services name.
int health_check_command(Words words);
/// Prints a growing file for ever, each line after the offset at which it ends.
int read_logs_command(Words words);

/// Whether `words`, the whole command line after the program's name, begins like one of these.
bool is_helper_command_line(Words words);
/// Runs it: global options, then the command. What is wrong with it is logged, and 1.
int run_command_line(Words words);

}  // namespace slipway::helper
