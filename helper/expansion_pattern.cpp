#include "helper/expansion_pattern.hpp"

#include <algorithm>
#include <utility>

namespace slipway::helper {
namespace {

constexpr std::uint32_t not_utf8 = 0x110000;

using Range = std::pair<std::uint32_t, std::uint32_t>;

struct NamedClass {
  std::string_view name;
  std::vector<Range> ranges;
};

const std::vector<NamedClass>& named_classes() {
  static const std::vector<NamedClass> all{
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"digit", {{'0', '9'}}},
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"upper", {{'A', 'Z'}}},
      {"lower", {{'a', 'z'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return all;
}

// Takes `[:name:]` at `at`; empty if there is none.
std::vector<Range> take_named_class(const Characters& pattern, std::size_t& at) {
  const auto rest = pattern.part(at, pattern.size());
  if (!rest.starts_with("[:")) return {};
  for (const auto& [name, ranges] : named_classes()) {
    if (!rest.substr(2).starts_with(name) || !rest.substr(2 + name.size()).starts_with(":]"))
      continue;
    at += name.size() + 4;
    return ranges;
  }
  return {};
}

}  // namespace

Characters::Characters(std::string_view whole) : text{whole} {
  codes.reserve(text.size());
  offsets.reserve(text.size() + 1);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t size = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : (first & 0xF0) == 0xE0         ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
    bool valid = size > 0 && size <= text.size() - at;
    std::uint32_t code = size <= 1 ? first : first & (0x7Fu >> size);
    for (std::size_t i = 1; valid && i < size; ++i) {
      valid = (byte(at + i) & 0xC0) == 0x80;
      code = code << 6 | (byte(at + i) & 0x3F);
    }
    offsets.push_back(at);
    codes.push_back(valid ? code : not_utf8 + first);
    at += valid ? size : 1;
  }
  offsets.push_back(text.size());
}

bool ShellPattern::Element::takes(std::uint32_t character) const {
  if (kind != Kind::one) return true;
  const bool found = std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return range.first <= character && character <= range.second;
  });
  return found != negated;
}

ShellPattern::ShellPattern(std::string_view text) {
  const Characters pattern{text};
  for (std::size_t at = 0; at < pattern.size();) {
    const auto code = pattern.codes[at++];
    if (code == '*') {
      if (elements_.empty() || elements_.back().kind != Kind::many)
        elements_.push_back({Kind::many, false, {}});
    } else if (code == '?') {
      elements_.push_back({Kind::any, false, {}});
    } else if (code == '[' && add_class(pattern, at)) {
      continue;
    } else {
      const auto literal = code == '\\' && at < pattern.size() ? pattern.codes[at++] : code;
      elements_.push_back({Kind::one, false, {{literal, literal}}});
    }
  }
}

// `at` stands after the `[`; left there, and false, where no `]` follows: then it is a bracket.
bool ShellPattern::add_class(const Characters& pattern, std::size_t& at) {
  auto next = at;
  Element element;
  const auto is = [&](std::uint32_t code) {
    return next < pattern.size() && pattern.codes[next] == code;
  };
  const auto take = [&] {
    if (is('\\') && next + 1 < pattern.size()) ++next;
    return pattern.codes[next++];
  };
  if (is('!') || is('^')) {
    element.negated = true;
    ++next;
  }
  for (bool first = true; first || !is(']'); first = false) {
    if (next >= pattern.size()) return false;
    const auto named = take_named_class(pattern, next);
    element.ranges.insert(element.ranges.end(), named.begin(), named.end());
    if (!named.empty()) continue;
    const auto low = take();
    auto high = low;
    if (is('-') && next + 1 < pattern.size() && pattern.codes[next + 1] != ']') {
      ++next;
      high = take();
    }
    element.ranges.emplace_back(low, high);
  }
  elements_.push_back(std::move(element));
  at = next + 1;
  return true;
}

// All ways to match at once: state i means that the first i elements are done.
template <class Codes>
std::optional<std::size_t> ShellPattern::run(const std::vector<Element>& elements, Codes codes,
                                             std::size_t size, bool longest,
                                             ExpansionScope& scope) {
  std::vector<char> states(elements.size() + 1, 0);
  std::vector<char> next(states.size(), 0);
  const auto add = [&](std::vector<char>& to, std::size_t state) {
    while (!to[state]) {
      to[state] = 1;
      if (state < elements.size() && elements[state].kind == Kind::many) ++state;
    }
  };
  add(states, 0);
  std::optional<std::size_t> end;
  for (std::size_t at = 0;; ++at) {
    scope.spend(states.size());
    if (states.back()) end = at;
    if (end && !longest) return end;
    if (at == size) return end;
    bool alive = false;
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (!states[i] || !elements[i].takes(codes(at))) continue;
      add(next, elements[i].kind == Kind::many ? i : i + 1);
      alive = true;
    }
    if (!alive) return end;
    std::swap(states, next);
  }
}

std::optional<std::size_t> ShellPattern::match(const Characters& text, std::size_t begin,
                                               bool longest, ExpansionScope& scope) const {
  const auto code = [&](std::size_t i) { return text.codes[begin + i]; };
  const auto size = run(elements_, code, text.size() - begin, longest, scope);
  if (!size) return std::nullopt;
  return begin + *size;
}

std::optional<std::size_t> ShellPattern::match_end(const Characters& text, bool longest,
                                                   ExpansionScope& scope) const {
  std::vector<Element> reversed{elements_.rbegin(), elements_.rend()};
  const auto code = [&](std::size_t i) { return text.codes[text.size() - 1 - i]; };
  const auto size = run(reversed, code, text.size(), longest, scope);
  if (!size) return std::nullopt;
  return text.size() - *size;
}

}  // namespace slipway::helper
