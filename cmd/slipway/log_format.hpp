#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How log lines look: pure functions. A log text carries its fields last:
/// `job finished job=12 reason="script failure"`.
namespace slipway::cmd {

enum class LogFormat { runner, text, json };
std::optional<LogFormat> parse_log_format(std::string_view text);

enum class Severity { trace, debug, info, warning, error, fatal, panic };

/// One event.
struct LogLine {
  Severity severity = Severity::info;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;  ///< by key
  std::chrono::system_clock::time_point at;
  std::chrono::seconds uptime{0};  ///< of the process
};

/// Splits a log text into message and fields. A quoted value comes out unquoted.
LogLine parse_log_text(std::string_view text);

/// With line feed. GitLab Runner's shapes; `colour` = with escape codes.
std::string format_log_line(const LogLine& line, LogFormat format, bool colour);

/// A field's value as it must stand in a log text: quoted when it holds anything but plain
/// characters.
std::string log_value(std::string_view value);

}  // namespace slipway::cmd
