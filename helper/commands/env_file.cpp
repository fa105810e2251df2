#include "helper/commands/env_file.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "helper/commands/command_line.hpp"
#include "job/text.hpp"

namespace slipway::helper {

namespace {

std::string unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == value.back();
  if (!quoted || (value.front() != '"' && value.front() != '\'')) return std::string{value};
  const bool escapes = value.front() == '"';
  value = value.substr(1, value.size() - 2);
  std::string result;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!escapes || value[i] != '\\' || i + 1 == value.size()) {
      result += value[i];
      continue;
    }
    const char next = value[++i];
    result += next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return result;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_env_file(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = job::trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const auto name = job::trimmed(line.substr(0, equals));
    if (name.empty() || !std::all_of(name.begin(), name.end(), job::is_name_character)) continue;
    result.emplace_back(std::string{name}, unquoted(job::trimmed(line.substr(equals + 1))));
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> read_env_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) throw UsageError{"--env-file: cannot read " + path.string()};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return parse_env_file(text);
}

}  // namespace slipway::helper
