#include "helper/expansion.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "helper/expansion_arithmetic.hpp"
#include "helper/expansion_pattern.hpp"
#include "helper/expansion_scope.hpp"

namespace slipway::helper {
namespace {

constexpr std::size_t longest_text = 512 << 10;
constexpr std::size_t longest_message = 500;
constexpr int deepest = 50;
constexpr std::string_view special_parameters = "@*#?$!-";

[[noreturn]] void bad_substitution() {
  throw ExpansionError{"bad substitution"};
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// One text, read from left to right. What is behind an operator that does not apply is read, too,
/// for its syntax; `active_` is false meanwhile.
class Expander {
 public:
  Expander(std::string_view text, const ExpansionScope::Lookup& lookup)
      : rest_{text}, scope_{lookup} {}

  std::string expand() { return word(Word::text, ""); }

 private:
  enum class Word { text, operand, pattern, arithmetic };

  bool at(char c) const { return rest_.starts_with(c); }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  char take_char() {
    if (rest_.empty()) bad_substitution();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  static void append(std::string& to, std::string_view text) {
    if (text.size() > longest_text - std::min(to.size(), longest_text))
      throw ExpansionError{"the expanded text is too long"};
    to += text;
  }
  // To a pattern, as text.
  static void append_literally(std::string& to, std::string_view text) {
    for (const char c : text) append(to, std::string{'\\', c});
  }

  // Up to one of `stops` (not taken) or, without any, the end.
  std::string word(Word kind, std::string_view stops) {
    std::string result;
    int parentheses = 0;
    while (!(rest_.empty() && stops.empty())) {
      if (rest_.empty()) bad_substitution();
      const char c = rest_.front();
      if (parentheses == 0 && stops.find(c) != std::string_view::npos) break;
      if (c == '$') {
        append(result, dollar());
      } else if (c == '`') {
        throw ExpansionError{"unexpected command substitution"};
      } else if (c == '\\') {
        backslash(kind, result);
      } else if (kind != Word::text && c == '"') {
        double_quoted(kind, result);
      } else if (kind == Word::pattern && c == '\'') {
        single_quoted(result);
      } else {
        if (kind == Word::arithmetic) parentheses += (c == '(') - (c == ')');
        append(result, rest_.substr(0, 1));
        rest_.remove_prefix(1);
      }
    }
    return result;
  }

  void backslash(Word kind, std::string& result) {
    rest_.remove_prefix(1);
    const std::string_view special = kind == Word::text ? "$\\`" : "$\\`\"}";
    const bool escapes = !rest_.empty() && special.find(rest_.front()) != std::string_view::npos;
    if (kind == Word::pattern && !rest_.empty())
      append_literally(result, std::string_view{&rest_.front(), 1});
    else if (escapes)
      append(result, rest_.substr(0, 1));
    else
      append(result, "\\");
    if (escapes || kind == Word::pattern)
      rest_.remove_prefix(std::min<std::size_t>(1, rest_.size()));
  }

  void double_quoted(Word kind, std::string& result) {
    rest_.remove_prefix(1);
    const auto inner = word(Word::operand, "\"");
    rest_.remove_prefix(1);
    if (kind == Word::pattern)
      append_literally(result, inner);
    else
      append(result, inner);
  }

  void single_quoted(std::string& result) {
    rest_.remove_prefix(1);
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos) bad_substitution();
    append_literally(result, rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
  }

  std::string dollar() {
    scope_.spend(100);
    if (++depth_ > deepest) throw ExpansionError{"expansions are nested too deeply"};
    rest_.remove_prefix(1);
    std::string result;
    if (take("{"))
      result = braced();
    else if (take("(("))
      result = arithmetic();
    else if (at('('))
      throw ExpansionError{"unexpected command substitution"};
    else if (const auto name = take_name(false); !name.empty())
      result = get(name);
    else
      result = "$";
    --depth_;
    return result;
  }

  // A name, a position or a special parameter's character; empty if there is none. Without braces
  // a position has one digit.
  std::string_view take_name(bool in_braces) {
    if (rest_.empty()) return {};
    std::size_t size = 0;
    if (is_name_start(rest_.front())) {
      while (size < rest_.size() && is_name(rest_[size])) ++size;
    } else if (rest_.front() >= '0' && rest_.front() <= '9') {
      do ++size;
      while (in_braces && size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9');
    } else if (special_parameters.find(rest_.front()) != std::string_view::npos) {
      size = 1;
    }
    const auto name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }

  std::string get(std::string_view name) {
    if (!active_ || !is_name_start(name.front())) return {};
    auto value = scope_.get(name);
    scope_.spend(value.size());
    return value;
  }

  std::string arithmetic() {
    const auto expression = word(Word::arithmetic, ")");
    if (!take("))")) throw ExpansionError{"unexpected command substitution"};
    return active_ ? std::to_string(evaluate_arithmetic(expression, scope_)) : "";
  }

  // Behind `${`.
  std::string braced() {
    if (rest_.starts_with('#') && rest_.size() > 1 && rest_[1] != '}') {
      rest_.remove_prefix(1);
      const auto name = take_name(true);
      if (name.empty() || !take("}")) bad_substitution();
      return std::to_string(Characters{get(name)}.size());
    }
    const bool indirect =
        rest_.starts_with('!') && rest_.size() > 1 && is_name_start(rest_[1]) && take("!");
    std::string name{take_name(true)};
    if (name.empty()) bad_substitution();
    if (indirect) {
      name = get(name);
      const bool valid = std::all_of(name.begin(), name.end(), is_name);
      if (active_ && (name.empty() || !is_name_start(name.front()) || !valid))
        throw ExpansionError{"invalid indirect expansion"};
      if (!active_) name = "_";
    }
    auto result = modified(name, get(name));
    if (!take("}")) bad_substitution();
    return result;
  }

  std::string modified(const std::string& name, std::string value) {
    if (at('}')) return value;
    const char op = take_char();
    switch (op) {
      case ':':
        if (!rest_.empty() &&
            std::string_view{"-=+?"}.find(rest_.front()) != std::string_view::npos)
          return by_presence(take_char(), name, std::move(value));
        return substring(value);
      case '-':
      case '=':
      case '+':
      case '?':
        return by_presence(op, name, std::move(value));
      case '#':
      case '%':
        return trimmed(op, value);
      case '/':
        return replaced(value);
      case '^':
      case ',':
        return recased(op, value);
      case '@':
        return transformed(value);
      default:
        bad_substitution();
    }
  }

  std::string operand(bool wanted, Word kind = Word::operand, std::string_view stops = "}") {
    const bool before = active_;
    active_ = active_ && wanted;
    auto text = word(kind, stops);
    active_ = before;
    return text;
  }

  std::string by_presence(char op, const std::string& name, std::string value) {
    const bool set = !value.empty();
    auto text = operand(op == '+' ? set : !set);
    if (op == '+') return set ? text : "";
    if (set || !active_) return value;
    if (op == '?') {
      if (text.empty()) text = "parameter null or not set";
      throw ExpansionError{(name + ": " + text).substr(0, longest_message)};
    }
    if (op == '=') {
      if (!is_name_start(name.front())) bad_substitution();
      scope_.set(name, text);
    }
    return text;
  }

  std::string substring(const std::string& value) {
    const auto offset_text = operand(true, Word::arithmetic, ":}");
    std::optional<std::string> length_text;
    if (take(":")) length_text = operand(true, Word::arithmetic, "}");
    if (!active_) return {};
    const Characters characters{value};
    const auto size = static_cast<std::int64_t>(characters.size());
    auto begin = evaluate_arithmetic(offset_text, scope_);
    if (begin < 0) begin = begin < -size ? size : begin + size;
    begin = std::min(begin, size);
    auto length = length_text ? evaluate_arithmetic(*length_text, scope_) : size;
    if (length < 0) {
      length = length < -size ? -1 : size + length - begin;
      if (length < 0) throw ExpansionError{"substring expression < 0"};
    }
    length = std::min(length, size - begin);
    return std::string{
        characters.part(static_cast<std::size_t>(begin), static_cast<std::size_t>(begin + length))};
  }

  std::string trimmed(char op, const std::string& value) {
    const bool longest = take(std::string_view{&op, 1});
    const ShellPattern pattern{operand(true, Word::pattern)};
    const Characters text{value};
    if (op == '#') {
      const auto end = pattern.match(text, 0, longest, scope_);
      return std::string{text.part(end.value_or(0), text.size())};
    }
    const auto begin = pattern.match_end(text, longest, scope_);
    return std::string{text.part(0, begin.value_or(text.size()))};
  }

  std::string replaced(const std::string& value) {
    const bool all = take("/");
    const bool at_begin = !all && take("#");
    const bool at_end = !all && !at_begin && take("%");
    const ShellPattern pattern{operand(true, Word::pattern, "/}")};
    std::string replacement;
    if (take("/")) replacement = unescaped(operand(true, Word::pattern));
    const Characters text{value};
    if (at_end) {
      const auto begin = pattern.match_end(text, true, scope_);
      return begin ? joined(text.part(0, *begin), replacement) : value;
    }
    if (at_begin) {
      const auto end = pattern.match(text, 0, true, scope_);
      return end ? joined(replacement, text.part(*end, text.size())) : value;
    }
    if (pattern.empty()) return value;
    std::string result;
    std::size_t i = 0;
    for (bool more = true; more && i < text.size();) {
      const auto end = pattern.match(text, i, true, scope_);
      const bool found = end && *end > i;
      append(result, found ? std::string_view{replacement} : text.part(i, i + 1));
      i = found ? *end : i + 1;
      more = all || !found;
    }
    append(result, text.part(i, text.size()));
    return result;
  }

  static std::string joined(std::string_view first, std::string_view second) {
    std::string text{first};
    append(text, second);
    return text;
  }

  static std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      plain += text[i];
    }
    return plain;
  }

  std::string recased(char op, const std::string& value) {
    const bool all = take(std::string_view{&op, 1});
    const auto text = operand(true, Word::pattern);
    const ShellPattern pattern{text.empty() ? "?" : text};
    const Characters characters{value};
    std::string result;
    for (std::size_t i = 0; i < characters.size(); ++i) {
      const auto bytes = characters.part(i, i + 1);
      const bool change = (all || i == 0) && bytes.size() == 1 &&
                          pattern.match(Characters{bytes}, 0, true, scope_) == 1;
      result +=
          !change ? std::string{bytes} : std::string(1, (op == '^' ? upper : lower)(bytes[0]));
    }
    return result;
  }

  std::string transformed(std::string value) {
    const char op = take_char();
    if (op != 'U' && op != 'u' && op != 'L') bad_substitution();
    const auto end = op == 'u' && !value.empty() ? value.begin() + 1 : value.end();
    std::transform(value.begin(), end, value.begin(), op == 'L' ? lower : upper);
    return value;
  }

  std::string_view rest_;
  ExpansionScope scope_;
  bool active_ = true;
  int depth_ = 0;
};

}  // namespace

Expanded expand_words(std::string_view text,
                      const std::function<std::optional<std::string>(std::string_view)>& lookup) {
  try {
    return {Expander{text, lookup}.expand(), ""};
  } catch (const ExpansionError& error) {
    return {std::string{text}, error.what()};
  }
}

}  // namespace slipway::helper
