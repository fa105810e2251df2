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

/// `text` and `json` are other forms of lines; all else is the form of log_line().
void set_log_format(std::string_view name);
/// The least level that is written: `warn`, `error`, `fatal`; all else is every line. Of logrus,
/// `panic` is the highest and counts as `fatal`.
void set_log_level(std::string_view name);

/// Writes such a line to stderr at once.
void log(LogLevel level, std::string_view message, const LogFields& fields = {});

}  // namespace slipway::helper
