#include "local/ci/glob.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_alternatives = 2000;

/// The bytes of the UTF-8 character at the front; 1 for what is none.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (length > text.size()) return 1;
  for (std::size_t at = 1; at < length; ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) return 1;
  return length;
}

/// One element of a bracket expression, an escape resolved; absent at the end of the pattern.
std::optional<std::string_view> bracket_character(std::string_view& pattern) {
  if (pattern.starts_with('\\')) pattern.remove_prefix(1);
  if (pattern.empty()) return std::nullopt;
  const auto character = pattern.substr(0, character_length(pattern));
  pattern.remove_prefix(character.size());
  return character;
}

/// `pattern` begins after `[`. Takes the expression off and says whether `c` is in it; absent when
/// it is not closed.
std::optional<bool> bracket(std::string_view& pattern, std::string_view c) {
  const bool negated = pattern.starts_with('!') || pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.starts_with(']')) {
    const auto from = bracket_character(pattern);
    if (!from) return std::nullopt;
    auto to = from;
    if (pattern.size() > 1 && pattern[0] == '-' && pattern[1] != ']') {
      pattern.remove_prefix(1);
      to = bracket_character(pattern);
      if (!to) return std::nullopt;
    }
    // UTF-8 sorts as the characters do.
    if (*from <= c && c <= *to) found = true;
  }
  pattern.remove_prefix(1);
  return found != negated;
}

/// One path component against one of the pattern, neither with `/`.
bool component_matches(std::string_view pattern, std::string_view text) {
  std::optional<std::pair<std::string_view, std::string_view>> retry;
  while (true) {
    if (pattern == "\\") pattern = {};
    if (pattern.starts_with('*')) {
      while (pattern.starts_with('*')) pattern.remove_prefix(1);
      if (pattern.empty() || pattern == "\\") return true;
      retry.emplace(pattern, text);
      continue;
    }
    if (pattern.empty() && text.empty()) return true;
    bool ok = false;
    if (!pattern.empty() && !text.empty()) {
      const auto c = text.substr(0, character_length(text));
      auto rest = pattern.substr(1);
      if (pattern[0] == '?') {
        ok = true;
      } else if (pattern[0] == '[') {
        const auto result = bracket(rest, c);
        if (!result) return false;
        ok = *result;
      } else {
        auto literal = pattern;
        if (literal[0] == '\\' && literal.size() > 1) literal.remove_prefix(1);
        ok = literal.starts_with(c);
        rest = literal.substr(std::min(literal.size(), c.size()));
      }
      if (ok) {
        pattern = rest;
        text.remove_prefix(c.size());
        continue;
      }
    }
    if (!retry || retry->second.empty()) return false;
    retry->second.remove_prefix(character_length(retry->second));
    pattern = retry->first;
    text = retry->second;
  }
}

/// The length of the pattern's first component; a `/` in brackets or after `\` still ends it.
std::size_t component_length(std::string_view text) {
  const auto slash = text.find('/');
  return slash == std::string_view::npos ? text.size() : slash;
}

bool path_matches(std::string_view pattern, std::string_view path) {
  std::optional<std::pair<std::string_view, std::string_view>> retry;
  while (true) {
    if (pattern.starts_with("**/")) {
      while (pattern.starts_with("**/")) pattern.remove_prefix(3);
      retry.emplace(pattern, path);
    }
    const auto length = component_length(pattern);
    const auto end = component_length(path);
    bool ok = component_matches(pattern.substr(0, length), path.substr(0, end));
    if (ok) {
      const bool pattern_over = length == pattern.size();
      const bool path_over = end == path.size();
      if (pattern_over && path_over) return true;
      if (!pattern_over && !path_over) {
        pattern.remove_prefix(length + 1);
        path.remove_prefix(end + 1);
        continue;
      }
    }
    if (!retry) return false;
    const auto slash = retry->second.find('/');
    if (slash == std::string_view::npos) return false;
    retry->second.remove_prefix(slash + 1);
    pattern = retry->first;
    path = retry->second;
  }
}

/// Where the first `{…}` of a pattern stands.
struct Braces {
  bool opened = false;  ///< there is a `{`
  bool closed = false;  ///< and its `}`
  std::size_t open = 0;
  std::size_t close = 0;
  std::vector<std::string_view> choices;
};

Braces find_braces(std::string_view pattern) {
  Braces result;
  std::size_t depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '\\') {
      ++at;
    } else if (c == '{') {
      if (depth++ == 0) {
        result.opened = true;
        result.open = at;
        begin = at + 1;
        result.choices.clear();
      }
    } else if (c == ',' && depth == 1) {
      result.choices.push_back(pattern.substr(begin, at - begin));
      begin = at + 1;
    } else if (c == '}' && depth > 0 && --depth == 0) {
      result.choices.push_back(pattern.substr(begin, at - begin));
      result.close = at;
      result.closed = true;
      return result;
    }
  }
  return result;
}

bool any_alternative(const std::string& pattern, std::string_view path, std::size_t& left,
                     std::size_t depth) {
  constexpr std::size_t max_depth = 32;
  if (left == 0 || depth > max_depth) return false;
  --left;
  const auto braces = find_braces(pattern);
  if (!braces.opened) return path_matches(pattern, path);
  // Ruby, too, lets a pattern with an open brace match nothing.
  if (!braces.closed) return false;
  for (const auto choice : braces.choices) {
    auto one = pattern.substr(0, braces.open);
    one.append(choice).append(pattern, braces.close + 1);
    if (any_alternative(one, path, left, depth + 1)) return true;
  }
  return false;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  if (pattern.find('{') == std::string_view::npos) return path_matches(pattern, path);
  auto left = max_alternatives;
  return any_alternative(std::string{pattern}, path, left, 0);
}

bool wildcard_matches(std::string_view pattern, std::string_view path) {
  // A row of the usual table: which lengths of `path` the pattern so far can match.
  std::vector<char> reached(path.size() + 1, 0);
  reached[0] = 1;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '*') {
      for (auto end = path.size(); end > 0; --end)
        reached[end] = reached[end - 1] && path[end - 1] == pattern[at];
      reached[0] = 0;
      continue;
    }
    const bool crosses = at + 1 < pattern.size() && pattern[at + 1] == '*';
    if (crosses) ++at;
    for (std::size_t end = 1; end <= path.size(); ++end)
      if (reached[end - 1] && (crosses || path[end - 1] != '/')) reached[end] = 1;
  }
  return reached.back() != 0;
}

bool is_glob(std::string_view pattern) {
  return pattern.find_first_of("*?[{") != std::string_view::npos;
}

}  // namespace slipway::local::ci
