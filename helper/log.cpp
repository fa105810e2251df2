#include "helper/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace slipway::helper {

namespace {

constexpr std::string_view reset = "\x1b[0;m";
constexpr std::size_t message_width = 50;

struct Look {
  std::string_view colour;
  std::string_view prefix;
};

Look look_of(LogLevel level) {
  switch (level) {
    case LogLevel::info:
      return {"", ""};
    case LogLevel::warning:
      return {"\x1b[0;33m", "WARNING: "};
    case LogLevel::error:
      return {"\x1b[31;1m", "ERROR: "};
    case LogLevel::fatal:
      return {"\x1b[31;1m", "FATAL: "};
  }
  return {};
}

enum class Format { runner, text, json };
Format format = Format::runner;
LogLevel least_level = LogLevel::info;

std::string_view name_of(LogLevel level) {
  constexpr std::string_view names[] = {"info", "warning", "error", "fatal"};
  return names[static_cast<std::size_t>(level)];
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string formatted(LogLevel level, std::string_view message, const LogFields& fields) {
  if (format == Format::runner) return log_line(level, message, fields);
  const bool json = format == Format::json;
  auto line = json
                  ? fmt::format("{{\"level\":\"{}\",\"msg\":{}", name_of(level), json_text(message))
                  : fmt::format("level={} msg={}", name_of(level), json_text(message));
  for (const auto& [name, value] : fields)
    line += json ? fmt::format(",{}:{}", json_text(name), json_text(value))
                 : fmt::format(" {}={}", name, json_text(value));
  return line + (json ? "}\n" : "\n");
}

}  // namespace

void set_log_format(std::string_view name) {
  format = name == "json" ? Format::json : name == "text" ? Format::text : Format::runner;
}

void set_log_level(std::string_view name) {
  least_level = LogLevel::info;
  if (name == "warn" || name == "warning") least_level = LogLevel::warning;
  if (name == "error") least_level = LogLevel::error;
  if (name == "fatal" || name == "panic") least_level = LogLevel::fatal;
}

std::string log_line(LogLevel level, std::string_view message, const LogFields& fields) {
  const auto look = look_of(level);
  auto line = fmt::format("{}{}{:<{}}{} ", look.colour, look.prefix, message,
                          message_width - look.prefix.size(), reset);
  for (const auto& [name, value] : fields)
    line += fmt::format(" {}{}{}={}", look.colour, name, reset, value);
  return line + "\n";
}

void log(LogLevel level, std::string_view message, const LogFields& fields) {
  if (level < least_level) return;
  const auto line = formatted(level, message, fields);
  std::string_view rest{line};
  while (!rest.empty()) {
    const auto written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    // Nobody reads it: the work itself goes on.
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace slipway::helper
