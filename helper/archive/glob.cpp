#include "helper/archive/glob.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {
namespace {

constexpr std::size_t max_alternatives = 1024;
constexpr std::size_t longest_with_braces = 4096;
constexpr std::size_t max_parts = 63;  // and one bit for the end

[[noreturn]] void bad_pattern() {
  throw ArchiveError{"syntax error in pattern"};
}

// Takes one character off `text`, which is not empty. A byte that is not UTF-8 is a character above
// all others.
std::uint32_t take(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t size = first < 0x80                     ? 1
                           : first >= 0xC2 && first <= 0xDF ? 2
                           : (first & 0xF0) == 0xE0         ? 3
                           : first >= 0xF0 && first <= 0xF4 ? 4
                                                            : 0;
  bool valid = size > 0 && size <= text.size();
  std::uint32_t value = size <= 1 ? first : first & (0x7Fu >> size);
  for (std::size_t i = 1; valid && i < size; ++i) {
    valid = (byte(i) & 0xC0) == 0x80;
    value = value << 6 | (byte(i) & 0x3F);
  }
  text.remove_prefix(valid ? size : 1);
  return valid ? value : 0x110000 + first;
}

std::uint32_t take_escaped(std::string_view& pattern) {
  if (pattern.empty()) bad_pattern();
  if (pattern.front() == '\\') pattern.remove_prefix(1);
  if (pattern.empty()) bad_pattern();
  return take(pattern);
}

// `pattern` stands after the `[`; afterwards behind the `]`.
bool in_class(std::string_view& pattern, std::uint32_t character) {
  const bool negated = pattern.starts_with('^') || pattern.starts_with('!');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  for (bool first = true; first || !pattern.starts_with(']'); first = false) {
    if (pattern.starts_with(']')) bad_pattern();
    const auto low = take_escaped(pattern);
    auto high = low;
    if (pattern.starts_with('-') && !pattern.starts_with("-]")) {
      pattern.remove_prefix(1);
      high = take_escaped(pattern);
    }
    found = found || (low <= character && character <= high);
  }
  pattern.remove_prefix(1);
  return found != negated;
}

// One element of a pattern that is not a star against one character.
bool match_one(std::string_view& pattern, std::uint32_t character) {
  if (pattern.front() == '?') {
    pattern.remove_prefix(1);
    return true;
  }
  if (pattern.front() == '[') {
    pattern.remove_prefix(1);
    return in_class(pattern, character);
  }
  return take_escaped(pattern) == character;
}

bool match_name(std::string_view pattern, std::string_view name) {
  std::optional<std::string_view> after_star;
  std::string_view retry;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern;
      retry = name;
      continue;
    }
    if (name.empty() && pattern.empty()) return true;
    if (!name.empty() && !pattern.empty()) {
      auto rest = name;
      if (match_one(pattern, take(rest))) {
        name = rest;
        continue;
      }
    }
    if (!after_star || retry.empty()) return false;
    take(retry);
    name = retry;
    pattern = *after_star;
  }
}

void check_syntax(std::string_view pattern) {
  while (!pattern.empty()) {
    if (pattern.front() == '*')
      pattern.remove_prefix(1);
    else
      match_one(pattern, 'x');
  }
}

bool is_pattern(std::string_view part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\') {
      ++i;
      continue;
    }
    if (part[i] == '*' || part[i] == '?' || part[i] == '[') return true;
  }
  return false;
}

std::string unescaped(std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && ++i == part.size()) bad_pattern();
    text += part[i];
  }
  return text;
}

template <class Visit>
void for_each_part(std::string_view path, Visit visit) {
  if (path == ".") return;
  while (true) {
    const auto slash = path.find('/');
    visit(path.substr(0, slash));
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

// Where the character at `at` ends: an escape or a whole class counts as one, a brace in it is
// text.
std::size_t next_in_pattern(std::string_view pattern, std::size_t at) {
  if (pattern[at] == '\\') return std::min(at + 2, pattern.size());
  if (pattern[at] != '[') return at + 1;
  for (auto i = at + 1; i < pattern.size(); ++i) {
    if (pattern[i] == '\\')
      ++i;
    else if (pattern[i] == ']')
      return i + 1;
  }
  return at + 1;
}

void expand(const std::string& pattern, std::vector<std::string>& all) {
  std::size_t open = 0;
  while (open < pattern.size() && pattern[open] != '{') open = next_in_pattern(pattern, open);
  if (open >= pattern.size()) {
    if (all.size() == max_alternatives) throw ArchiveError{"too many alternatives in pattern"};
    all.push_back(pattern);
    return;
  }
  std::vector<std::string> alternatives;
  std::size_t depth = 1;
  std::size_t begin = open + 1;
  std::size_t at = begin;
  for (; at < pattern.size(); at = next_in_pattern(pattern, at)) {
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == '}') --depth;
    if (depth == 0 || (depth == 1 && pattern[at] == ',')) {
      alternatives.push_back(pattern.substr(begin, at - begin));
      begin = at + 1;
    }
    if (depth == 0) break;
  }
  if (depth != 0) bad_pattern();
  for (const auto& alternative : alternatives)
    expand(pattern.substr(0, open) + alternative + pattern.substr(at + 1), all);
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  for_each_part(pattern, [&](std::string_view part) {
    if (parts_.empty() && !is_pattern(part)) {
      prefix_ += (prefix_.empty() ? "" : "/") + unescaped(part);
      return;
    }
    check_syntax(part);
    parts_.emplace_back(part);
  });
  if (parts_.size() > max_parts) throw ArchiveError{"too many components in pattern"};
  if (prefix_.empty()) prefix_ = ".";
}

Glob::State Glob::closure(State state) const {
  for (std::size_t i = 0; i < parts_.size(); ++i)
    if ((state >> i & 1) && parts_[i] == "**") state |= State{2} << i;
  return state;
}

Glob::State Glob::step(State state, std::string_view name) const {
  State next = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!(state >> i & 1)) continue;
    if (parts_[i] == "**")
      next |= State{1} << i;
    else if (match_name(parts_[i], name))
      next |= State{2} << i;
  }
  return closure(next);
}

bool Glob::matches(std::string_view path) const {
  if (prefix_ != ".") {
    if (!path.starts_with(prefix_)) return false;
    path.remove_prefix(prefix_.size());
    if (!path.empty() && path.front() != '/') return false;
    if (!path.empty()) path.remove_prefix(1);
  }
  auto state = start();
  if (!path.empty()) for_each_part(path, [&](std::string_view part) { state = step(state, part); });
  return matched(state);
}

std::vector<std::string> expand_braces(std::string_view pattern) {
  std::vector<std::string> all;
  if (pattern.find('{') != std::string_view::npos && pattern.size() > longest_with_braces)
    throw ArchiveError{"too many alternatives in pattern"};
  expand(std::string{pattern}, all);
  return all;
}

}  // namespace slipway::helper::archive
