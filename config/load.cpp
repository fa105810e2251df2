#include "config/load.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "config/bind.hpp"
#include "config/check.hpp"
#include "config/file.hpp"
#include "config/schema.hpp"
#include "config/toml.hpp"
#include "config/validate.hpp"

namespace slipway::config {

namespace {

std::string place(const std::string& path, std::uint32_t line, std::uint32_t column) {
  if (line == 0) return path;
  return fmt::format("{}:{}:{}", path, line, column);
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_special(char c) {
  return std::strchr("*#$@!?-", c) != nullptr && c != '\0';
}

/// Takes the name of a variable from the front of `text`, which follows a `$`. nullopt: there is
/// none, the `$` is plain text.
std::optional<std::string> take_name(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  if (text[0] == '{') {
    const auto end = text.find('}');
    if (end == std::string_view::npos) {
      text.remove_prefix(1);
      return "";
    }
    std::string name{text.substr(1, end - 1)};
    text.remove_prefix(end + 1);
    return name;
  }
  if (is_special(text[0]) || (text[0] >= '0' && text[0] <= '9')) {
    std::string name{text.substr(0, 1)};
    text.remove_prefix(1);
    return name;
  }
  std::size_t length = 0;
  while (length < text.size() && is_name_char(text[length])) ++length;
  if (length == 0) return std::nullopt;
  std::string name{text.substr(0, length)};
  text.remove_prefix(length);
  return name;
}

}  // namespace

ConfigError::ConfigError(const std::string& path, std::uint32_t line, std::uint32_t column,
                         const std::string& text)
    : std::runtime_error{fmt::format("{}: {}", place(path, line, column), text)},
      line_{line},
      column_{column} {}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const auto* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>{value} : std::nullopt;
  };
}

std::string expand_environment(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (const auto name = take_name(text))
      out += name->empty() ? "" : environment(*name).value_or("");
    else
      out += '$';
  }
  return out;
}

bool is_log_level(std::string_view text) {
  constexpr std::array levels{"panic",   "fatal", "error", "warn",
                              "warning", "info",  "debug", "trace"};
  for (const auto* level : levels)
    if (equal_ignoring_case(level, text)) return true;
  return false;
}

Config parse(std::string_view text, const std::string& path, const Environment& environment) {
  Config config;
  config.path = path;
  config.text = text;
  config.exists = true;
  try {
    const auto file = toml::parse(text, path);
    config.warnings = check(file, path);
    bind(file, config, environment);
    for (auto& warning : validate(file, config)) config.warnings.push_back(std::move(warning));
  } catch (const toml::parse_error& e) {
    const auto& at = e.source().begin;
    throw ConfigError{path, at.line, at.column, std::string{e.description()}};
  }
  return config;
}

Config load(const std::string& path, const Environment& environment) {
  const auto text = read_config_file(path);
  if (text) return parse(*text, path, environment);
  Config config;
  config.path = path;
  config.sentry_dsn = environment("SENTRY_DSN").value_or("");
  return config;
}

}  // namespace slipway::config
