#pragma once

#include <string>

#include "config/config.hpp"

namespace slipway::cmd {

/// What the command line says of logging; "" = nothing.
struct LogOptions {
  bool debug = false;
  std::string level;
  std::string format;
  std::string colour = "auto";  ///< `auto`: only on a terminal and without NO_COLOR
};

/// From now on spdlog's default logger writes to stderr in the shape of log_format.hpp.
/// \throws Fatal for an unknown level, format or colour.
void set_up_logging(const LogOptions& options);

/// `log_level` and `log_format` of the file, where the command line said nothing. Call it after
/// every load. \throws Fatal for an unknown format (levels are checked by the loader).
void apply_log_settings(const config::Config& config);

/// From now on every line from level info up goes to the system's log as well, as format runner has
/// it. \param name  of the program there.
void log_to_syslog(const std::string& name);

/// Logs the last line of a command that failed.
void log_fatal(const std::string& text, bool panic);

/// The first line of every command.
void log_startup();

}  // namespace slipway::cmd
