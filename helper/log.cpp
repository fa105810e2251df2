#include "helper/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace

std::string log_line(LogLevel level, std::string_view message, const LogFields& fields) {
  const auto look = look_of(level);
  auto line = fmt::format("{}{}{:<{}}{} ", look.colour, look.prefix, message,
                          message_width - look.prefix.size(), reset);
  for (const auto& [name, value] : fields)
    line += fmt::format(" {}{}{}={}", look.colour, name, reset, value);
  return line + "\n";
}

void log(LogLevel level, std::string_view message, const LogFields& fields) {
  const auto line = log_line(level, message, fields);
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
