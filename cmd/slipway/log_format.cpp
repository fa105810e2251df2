#include "cmd/slipway/log_format.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace slipway::cmd {

namespace {

constexpr std::size_t runner_width = 50;
constexpr std::size_t text_width = 44;

struct Look {
  std::string_view prefix;         ///< format runner
  std::string_view runner_colour;  ///< format runner
  std::string_view word;           ///< format text on a terminal
  int text_colour;
  std::string_view name;
};

const Look& look(Severity severity) {
  static constexpr std::array<Look, 7> looks{{
      {"", "\033[37;1m", "TRAC", 37, "trace"},
      {"", "\033[37;1m", "DEBU", 37, "debug"},
      {"", "", "INFO", 36, "info"},
      {"WARNING: ", "\033[0;33m", "WARN", 33, "warning"},
      {"ERROR: ", "\033[31;1m", "ERRO", 31, "error"},
      {"FATAL: ", "\033[31;1m", "FATA", 31, "fatal"},
      {"PANIC: ", "\033[31;1m", "PANI", 31, "panic"},
  }};
  return looks[static_cast<std::size_t>(severity)];
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

/// The field that `text` begins with, and how many characters it takes; 0 = none.
std::size_t take_field(std::string_view text, std::pair<std::string, std::string>& field) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return 0;
  const auto key = text.substr(0, equals);
  if (!std::ranges::all_of(key, is_key_char)) return 0;
  field.first = key;
  field.second.clear();
  auto at = equals + 1;
  if (at >= text.size() || text[at] != '"') {
    const auto end = std::min(text.find(' ', at), text.size());
    field.second = text.substr(at, end - at);
    return end;
  }
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    field.second += text[at];
  }
  if (at == text.size()) return 0;
  ++at;
  return at == text.size() || text[at] == ' ' ? at : 0;
}

/// Padded to a number of characters, not bytes.
std::string padded(std::string_view text, std::size_t width) {
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  return std::string{text} + std::string(width > characters ? width - characters : 0, ' ');
}

/// One value must not look like several lines, or steer the terminal.
std::string harmless(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out;
}

std::string time_text(std::chrono::system_clock::time_point at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(at - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string runner_line(const LogLine& line, bool colour) {
  if (line.message.empty() && line.fields.empty()) return "\n";
  const auto& as = look(line.severity);
  const auto on = colour ? as.runner_colour : std::string_view{};
  const std::string_view off = colour ? "\033[0;m" : "";
  auto out = fmt::format("{}{}{}{} ", on, as.prefix,
                         padded(line.message, runner_width - as.prefix.size()), off);
  for (const auto& [key, value] : line.fields)
    out += fmt::format(" {}{}{}={}", on, key, off, harmless(value));
  return out + "\n";
}

std::string text_line(const LogLine& line, bool colour) {
  const auto& as = look(line.severity);
  if (colour) {
    auto out = fmt::format("\033[{}m{}\033[0m[{:04}] {} ", as.text_colour, as.word,
                           line.uptime.count(), padded(line.message, text_width));
    for (const auto& [key, value] : line.fields)
      out += fmt::format(" \033[{}m{}\033[0m={}", as.text_colour, key, log_value(value));
    return out + "\n";
  }
  auto out = fmt::format("time=\"{}\" level={} msg={}", time_text(line.at), as.name,
                         log_value(line.message));
  for (const auto& [key, value] : line.fields) out += fmt::format(" {}={}", key, log_value(value));
  return out + "\n";
}

std::string json_line(const LogLine& line) {
  nlohmann::json object;
  for (const auto& [key, value] : line.fields) object[key] = value;
  object["level"] = look(line.severity).name;
  object["msg"] = line.message;
  object["time"] = time_text(line.at);
  const auto dumped =
      object.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
  std::string out;
  for (const char c : dumped) {
    if (c == '<' || c == '>' || c == '&')
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\n";
}

}  // namespace

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "runner") return LogFormat::runner;
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  return std::nullopt;
}

LogLine parse_log_text(std::string_view text) {
  LogLine line;
  std::size_t message_end = text.size();
  for (std::size_t at = 0; at < text.size();) {
    std::pair<std::string, std::string> field;
    if (const auto length = take_field(text.substr(at), field)) {
      if (line.fields.empty()) message_end = at;
      line.fields.push_back(std::move(field));
      at += length;
    } else {
      line.fields.clear();
      message_end = text.size();
      at = std::min(text.find(' ', at), text.size());
    }
    while (at < text.size() && text[at] == ' ') ++at;
  }
  auto message = text.substr(0, message_end);
  while (message.ends_with(' ')) message.remove_suffix(1);
  line.message = message;
  std::ranges::stable_sort(line.fields, {}, &std::pair<std::string, std::string>::first);
  return line;
}

std::string format_log_line(const LogLine& line, LogFormat format, bool colour) {
  switch (format) {
    case LogFormat::runner:
      return runner_line(line, colour);
    case LogFormat::text:
      return text_line(line, colour);
    case LogFormat::json:
      return json_line(line);
  }
  return {};
}

std::string log_value(std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) {
    return is_key_char(c) || c == '/' || c == '@' || c == '^' || c == '+' || c == ':' || c == ',';
  });
  return plain && !value.empty() ? std::string{value} : in_quotes(harmless(value));
}

}  // namespace slipway::cmd
