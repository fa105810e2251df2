#include <algorithm>
#include <string>
#include <string_view>

#include "executors/docker/image_name.hpp"

namespace slipway::executors::docker {

namespace {

constexpr int deepest_nesting = 100;
/// Steps after which a text does not match: several stars can be tried in more ways than time
/// allows.
constexpr int most_steps = 100'000;

/// `element_start`: `text` begins a path element. `steps`: how many are left.
bool match(std::string_view pattern, std::string_view text, bool element_start, int depth,
           int& steps);

/// `[set]`, `[^set]`, `[!set]` at the front of `pattern`; -1 if it is malformed, else its length.
std::ptrdiff_t match_set(std::string_view pattern, char c, bool& matched) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '^' || pattern[at] == '!');
  if (negated) ++at;
  bool found = false;
  bool first = true;
  while (at < pattern.size() && (first || pattern[at] != ']')) {
    first = false;
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      at += 2;
    }
    found = found || (low <= c && c <= high);
  }
  if (at >= pattern.size()) return -1;
  matched = found != negated;
  return static_cast<std::ptrdiff_t>(at) + 1;
}

/// `{a,b}` at the front of `pattern`: each alternative followed by the rest.
bool match_alternatives(std::string_view pattern, std::string_view text, bool element_start,
                        int depth, int& steps) {
  int level = 0;
  std::size_t close = 0;
  for (; close < pattern.size(); ++close) {
    if (pattern[close] == '\\') {
      ++close;
      continue;
    }
    if (pattern[close] == '{') ++level;
    if (pattern[close] == '}' && --level == 0) break;
  }
  if (close >= pattern.size()) return false;
  const auto rest = pattern.substr(close + 1);
  std::size_t begin = 1;
  level = 0;
  for (std::size_t at = 1; at <= close; ++at) {
    if (pattern[at] == '\\') {
      ++at;
      continue;
    }
    if (pattern[at] == '{') ++level;
    if (pattern[at] == '}' && at != close) --level;
    if (at != close && (pattern[at] != ',' || level != 0)) continue;
    const auto alternative = std::string{pattern.substr(begin, at - begin)} + std::string{rest};
    if (match(alternative, text, element_start, depth + 1, steps)) return true;
    begin = at + 1;
  }
  return false;
}

/// `**` alone, or several of them: what may stand for no element at all, after the last one.
bool matches_no_element(std::string_view pattern) {
  while (pattern.starts_with("**/")) pattern.remove_prefix(3);
  return pattern == "**";
}

/// Every escape, set and brace of `pattern` is whole.
bool is_well_formed(std::string_view pattern) {
  int open = 0;
  while (!pattern.empty()) {
    std::size_t length = 1;
    if (pattern.front() == '\\') {
      length = 2;
      if (pattern.size() < length) return false;
    } else if (pattern.front() == '[') {
      bool matched = false;
      const auto size = match_set(pattern, 'x', matched);
      if (size < 0) return false;
      length = static_cast<std::size_t>(size);
    } else if (pattern.front() == '{') {
      ++open;
    } else if (pattern.front() == '}' && open > 0) {
      --open;
    }
    pattern.remove_prefix(length);
  }
  return open == 0;
}

/// `**` as a whole path element: zero or more elements.
bool match_elements(std::string_view pattern, std::string_view text, int depth, int& steps) {
  const auto rest = pattern.substr(2);
  if (rest.empty()) return true;
  const auto after = rest.substr(1);
  if (match(after, text, true, depth + 1, steps)) return true;
  for (std::size_t at = 0; (at = text.find('/', at)) != std::string_view::npos;)
    if (match(after, text.substr(++at), true, depth + 1, steps)) return true;
  return false;
}

bool match(std::string_view pattern, std::string_view text, bool element_start, int depth,
           int& steps) {
  if (depth > deepest_nesting || --steps < 0) return false;
  while (!pattern.empty()) {
    const char p = pattern.front();
    if (p == '{') return match_alternatives(pattern, text, element_start, depth, steps);
    if (element_start && pattern.starts_with("**") && (pattern.size() == 2 || pattern[2] == '/'))
      return match_elements(pattern, text, depth, steps);
    if (p == '*') {
      const auto rest = pattern.substr(std::min(pattern.find_first_not_of('*'), pattern.size()));
      for (std::size_t taken = 0; taken <= text.size(); ++taken) {
        if (match(rest, text.substr(taken), false, depth + 1, steps)) return true;
        if (taken < text.size() && text[taken] == '/') break;
      }
      return false;
    }
    if (text.empty()) return p == '/' && matches_no_element(pattern.substr(1));
    std::size_t length = 1;
    if (p == '[') {
      bool matched = false;
      const auto size = match_set(pattern, text.front(), matched);
      if (size < 0 || !matched || text.front() == '/') return false;
      length = static_cast<std::size_t>(size);
    } else if (p == '\\' && pattern.size() > 1) {
      if (pattern[1] != text.front()) return false;
      length = 2;
    } else if (p == '?' ? text.front() == '/' : p != text.front()) {
      return false;
    }
    element_start = p == '/';
    pattern.remove_prefix(length);
    text.remove_prefix(1);
  }
  return text.empty();
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  if (!is_well_formed(pattern)) return false;
  int steps = most_steps;
  return match(pattern, text, true, 0, steps);
}

}  // namespace slipway::executors::docker
