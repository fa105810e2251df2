#include "config/section_values.hpp"

#include <algorithm>

#include "config/schema.hpp"

namespace slipway::config {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// Behind the string that begins at `at`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const bool multiline = text.substr(at, 3) == triple;
  at += multiline ? 3 : 1;
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\') {
      at += 2;
    } else if (!multiline && text[at] == quote) {
      return at + 1;
    } else if (multiline && text.substr(at, 3) == triple) {
      // Up to two quotes may stand right before the closing three.
      while (at + 3 < text.size() && text[at + 3] == quote) ++at;
      return at + 3;
    } else {
      ++at;
    }
  }
  return text.size();
}

std::size_t skip_comment(std::string_view text, std::size_t at) {
  return std::min(text.find('\n', at), text.size());
}

/// Behind the value that begins at `at`: at its comment, or its line's end. Arrays may go over
/// lines.
std::size_t skip_value(std::string_view text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = skip_string(text, at);
      continue;
    }
    if (depth == 0 && (c == '\n' || c == '#')) return at;
    if (c == '#') {
      at = skip_comment(text, at);
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    ++at;
  }
  return text.size();
}

std::string unquoted(std::string_view key) {
  const bool quoted =
      key.size() > 1 && (key.front() == '"' || key.front() == '\'') && key.back() == key.front();
  return std::string{quoted ? key.substr(1, key.size() - 2) : key};
}

std::size_t line_begin(std::string_view text, std::size_t at) {
  const auto before = text.rfind('\n', at == 0 ? 0 : at - 1);
  return before == std::string_view::npos || before >= at ? 0 : before + 1;
}

std::size_t next_line(std::string_view text, std::size_t at) {
  return std::min(skip_comment(text, at) + 1, text.size());
}

}  // namespace

std::optional<ValueRange> find_value(std::string_view text, const Section& section,
                                     std::string_view key) {
  text = text.substr(0, section.end);
  auto at = next_line(text, section.begin);
  while (at < text.size()) {
    if (is_blank(text[at]) || text[at] == '\n') {
      ++at;
      continue;
    }
    if (text[at] == '#') {
      at = skip_comment(text, at);
      continue;
    }
    const auto name_begin = at;
    while (at < text.size() && text[at] != '=')
      at = text[at] == '"' || text[at] == '\'' ? skip_string(text, at) : at + 1;
    auto name = text.substr(name_begin, at - name_begin);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (at < text.size()) ++at;
    while (at < text.size() && is_blank(text[at])) ++at;
    const auto begin = at;
    at = skip_value(text, at);
    if (!equal_ignoring_case(unquoted(name), key)) continue;
    auto end = at;
    while (end > begin && is_blank(text[end - 1])) --end;
    return ValueRange{begin, end};
  }
  return std::nullopt;
}

std::string with_value(std::string_view text, const Section& section, std::string_view key,
                       std::string_view value, std::string_view after) {
  std::string out{text};
  if (const auto there = find_value(text, section, key))
    return out.replace(there->begin, there->end - there->begin, value);
  const auto neighbour = find_value(text, section, after);
  // In front of the line that follows the neighbour's, or the header's.
  const auto above = neighbour ? line_begin(text, neighbour->begin) : section.begin;
  const auto place = next_line(text, neighbour ? neighbour->end : section.begin);
  const auto first = text.find_first_not_of(" \t", above);
  std::string line{text.substr(above, first - above)};
  if (!neighbour) line += "  ";
  line.append(key).append(" = ").append(value);
  const bool windows = place >= 2 && text.substr(place - 2, 2) == "\r\n";
  line += windows ? "\r\n" : "\n";
  if (place == text.size() && !text.ends_with('\n')) line.insert(0, 1, '\n');
  return out.insert(place, line);
}

}  // namespace slipway::config
