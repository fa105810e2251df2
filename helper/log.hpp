#pragma once

#include <map>
#include <string>
#include <string_view>

namespace slipway::helper {

enum class LogLevel { info, warning, error, fatal };
/// What a line is about, sorted by name.
using LogFields = std::map<std::string, std::string>;

/// A line as GitLab Runner's helper writes it: the message, padded, then `name=value` for each
/// field, in the level's colour.
std::string log_line(LogLevel level, std::string_view message, const LogFields& fields = {});

/// Writes such a line to stderr at once.
void log(LogLevel level, std::string_view message, const LogFields& fields = {});

}  // namespace slipway::helper
