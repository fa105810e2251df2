#include "config/lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/schema.hpp"
#include "config/section_values.hpp"
#include "config/sections.hpp"

namespace slipway::config {

namespace {

/// `c.toml:7: unknown key "runners.buids_dir" (did you mean …)` in the words of this list.
std::optional<std::string> unknown_key(const Warning& warning, const std::string& path) {
  const auto head = fmt::format("{}:{}: unknown key \"", path, warning.line);
  if (!warning.text.starts_with(head)) return std::nullopt;
  const auto rest = std::string_view{warning.text}.substr(head.size());
  const auto quote = rest.find('"');
  auto hint = rest.substr(quote + 1);
  std::string more;
  if (const auto open = hint.find('('); open != std::string_view::npos)
    more = fmt::format(", {}", hint.substr(open + 1, hint.rfind(')') - open - 1));
  return fmt::format("unknown key: {} (line {}{})", rest.substr(0, quote), warning.line, more);
}

/// Keys of old files and examples: never used, but so common that load() is silent.
void add_tolerated(const Config& config, std::vector<Problem>& problems) {
  const struct {
    const char* table;
    const char* key;
  } tolerated[] = {{"cache", "Insecure"}, {"metrics", "metric_queries"}};
  for (const auto& section : find_sections(config.text))
    for (const auto& one : tolerated) {
      const bool runners = !section.path.empty() && equal_ignoring_case(section.path[0], "runners");
      if (!runners || section.path.back() != one.table) continue;
      const auto value = find_value(config.text, section, one.key);
      if (!value) continue;
      const auto line = 1 + std::count(config.text.begin(),
                                       config.text.begin() + static_cast<long>(value->begin), '\n');
      problems.push_back({Problem::Kind::unknown_key, static_cast<std::uint32_t>(line), 0,
                          fmt::format("unknown key: {}.{} (line {}, it has no effect)",
                                      fmt::join(section.path, "."), one.key, line)});
    }
}

}  // namespace

std::string_view to_string(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::unusable:
      return "unusable";
    case Problem::Kind::unknown_key:
      return "unknown_key";
    case Problem::Kind::value:
      return "value";
  }
  return "value";
}

std::vector<Problem> lint(const std::string& path, const Environment& environment) {
  std::vector<Problem> problems;
  try {
    const auto config = load(path, environment);
    for (const auto& warning : config.warnings) {
      const auto key = unknown_key(warning, path);
      problems.push_back({key ? Problem::Kind::unknown_key : Problem::Kind::value, warning.line, 0,
                          key ? *key : warning.text});
    }
    if (config.concurrent < 1)
      problems.push_back(
          {Problem::Kind::unusable, 0, 0,
           fmt::format("{}: concurrent is {}, but must be at least 1", path, config.concurrent)});
    add_tolerated(config, problems);
  } catch (const ConfigError& error) {
    problems.push_back({Problem::Kind::unusable, error.line(), error.column(), error.what()});
  }
  std::ranges::stable_sort(problems, {}, &Problem::line);
  return problems;
}

}  // namespace slipway::config
