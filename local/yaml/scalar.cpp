#include "local/yaml/scalar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace slipway::local::yaml {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return lower(a) == b; });
}

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : 99;
}

/// A sign and what follows it.
struct Signed {
  bool negative = false;
  std::string_view rest;
};

Signed split_sign(std::string_view text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+')) return {false, text};
  return {text[0] == '-', text.substr(1)};
}

/// Digits of any base as decimal text, however long.
std::string to_decimal(std::string_view digits, int base) {
  std::vector<std::uint32_t> parts{0};  // little endian, nine decimal digits each
  constexpr std::uint64_t part_limit = 1'000'000'000;
  for (const char c : digits) {
    if (c == '_' || c == ',') continue;
    std::uint64_t carry = static_cast<std::uint64_t>(digit_value(c));
    for (auto& part : parts) {
      carry += static_cast<std::uint64_t>(part) * static_cast<std::uint64_t>(base);
      part = static_cast<std::uint32_t>(carry % part_limit);
      carry /= part_limit;
    }
    if (carry > 0) parts.push_back(static_cast<std::uint32_t>(carry));
  }
  auto text = std::to_string(parts.back());
  for (auto at = parts.size() - 1; at-- > 0;) {
    const auto part = std::to_string(parts[at]);
    text += std::string(9 - part.size(), '0') + part;
  }
  return text;
}

Scalar integer(bool negative, std::string_view digits, int base) {
  auto text = to_decimal(digits, base);
  if (negative && text != "0") text.insert(text.begin(), '-');
  return {Kind::integer, std::move(text)};
}

bool all_of_base(std::string_view text, int base) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [base](char c) { return c == '_' || digit_value(c) < base; });
}

/// Digits in which single `_` and `,` may stand between digits.
bool is_grouped(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_digit(text[at])) continue;
    const bool between = at > 0 && at + 1 < text.size() && is_digit(text[at - 1]) &&
                         is_digit(text[at + 1]) && (text[at] == '_' || text[at] == ',');
    if (!between) return false;
  }
  return !text.empty();
}

bool read_integer(std::string_view text, Scalar& result) {
  const auto [negative, rest] = split_sign(text);
  if (rest.empty()) return false;
  if (rest.starts_with("0b") && all_of_base(rest.substr(2), 2)) {
    result = integer(negative, rest.substr(2), 2);
  } else if (rest.starts_with("0x") && all_of_base(rest.substr(2), 16)) {
    result = integer(negative, rest.substr(2), 16);
  } else if (rest.size() > 1 && rest[0] == '0' && all_of_base(rest.substr(1), 8)) {
    result = integer(negative, rest.substr(1), 8);
  } else if (rest == "0" || (rest[0] != '0' && is_grouped(rest))) {
    result = integer(negative, rest, 10);
  } else {
    return false;
  }
  return true;
}

Scalar real(double value) {
  return {Kind::real, ruby_float(value)};
}

/// `[-+]?([0-9][0-9_,]*)?\.[0-9]*([eE][+-][0-9]+)?`
bool read_float(std::string_view text, Scalar& result) {
  const auto [negative, rest] = split_sign(text);
  if (rest == ".") return false;
  std::string clean;
  std::size_t at = 0;
  const auto digits = [&](bool grouped) {
    for (; at < rest.size(); ++at) {
      if (is_digit(rest[at])) {
        clean += rest[at];
      } else if (!grouped || at == 0 || (rest[at] != '_' && rest[at] != ',')) {
        break;
      }
    }
  };
  digits(true);
  if (at == rest.size() || rest[at] != '.') return false;
  if (clean.empty()) clean = "0";
  const auto dot = ++at;
  clean += '.';
  digits(false);
  if (at == dot) clean += '0';
  if (at < rest.size() && lower(rest[at]) == 'e') {
    if (at + 2 >= rest.size() || (rest[at + 1] != '+' && rest[at + 1] != '-')) return false;
    clean += 'e';
    clean += rest[at + 1];
    at += 2;
    if (!is_digit(rest[at])) return false;
    digits(false);
  }
  if (at != rest.size()) return false;
  double value = 0;
  const auto [end, error] = std::from_chars(clean.data(), clean.data() + clean.size(), value);
  if (end != clean.data() + clean.size()) return false;
  if (error == std::errc::result_out_of_range)
    value = clean.find("e-") == std::string::npos ? std::numeric_limits<double>::infinity() : 0.0;
  result = real(negative ? -value : value);
  return true;
}

/// `1:30`, `190:20:30`, `1:30.5`: numbers to the base 60, most significant first. Ruby's library
/// takes the parts as powers of 60 from the left of three, so that `1:30` is 5400.
bool read_sexagesimal(std::string_view text, Scalar& result) {
  const auto [negative, rest] = split_sign(text);
  if (rest.find(':') == std::string_view::npos || rest.size() > 40) return false;
  std::string_view whole = rest;
  std::string_view fraction;
  const auto dot = rest.find('.');
  if (dot != std::string_view::npos) {
    whole = rest.substr(0, dot);
    fraction = rest.substr(dot + 1);
    if (!std::all_of(fraction.begin(), fraction.end(),
                     [](char c) { return is_digit(c) || c == '_'; }))
      return false;
  }
  std::vector<std::string> parts{""};
  for (const char c : whole) {
    if (c == ':') {
      parts.emplace_back();
    } else if (is_digit(c) || (c == '_' && parts.size() == 1 && !parts[0].empty())) {
      if (c != '_') parts.back() += c;
    } else {
      return false;
    }
  }
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[0].size() > 12)
    return false;
  for (std::size_t at = 1; at < parts.size(); ++at)
    if (parts[at].empty() || parts[at].size() > 2 || (parts[at].size() == 2 && parts[at][0] > '5'))
      return false;
  std::int64_t sum = 0;
  const std::int64_t powers[] = {3600, 60, 1};
  for (std::size_t at = 0; at < parts.size(); ++at) sum += std::stoll(parts[at]) * powers[at];
  if (dot == std::string_view::npos) {
    result = integer(negative, std::to_string(sum), 10);
    return true;
  }
  std::string digits = "0.";
  for (const char c : fraction)
    if (is_digit(c)) digits += c;
  double part = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), part);
  const auto last = static_cast<double>(powers[parts.size() - 1]);
  const auto value = static_cast<double>(sum) + part * last;
  result = real(negative ? -value : value);
  return true;
}

bool digits_at(std::string_view text, std::size_t at, std::size_t most, std::size_t& length) {
  length = 0;
  while (length < most && at + length < text.size() && is_digit(text[at + length])) ++length;
  return length > 0;
}

/// `2001-01-31`, alone or followed by a time.
bool is_date(std::string_view text) {
  std::size_t length = 0;
  if (!digits_at(text, 0, 4, length) || length != 4 || text.size() < 8 || text[4] != '-')
    return false;
  if (!digits_at(text, 5, 2, length)) return false;
  const auto month = std::stoi(std::string{text.substr(5, length)});
  auto at = 5 + length;
  if (at >= text.size() || text[at] != '-' || !digits_at(text, at + 1, 2, length)) return false;
  const auto day = std::stoi(std::string{text.substr(at + 1, length)});
  at += 1 + length;
  if (month > 12 || day > 31) return false;
  if (at == text.size()) return true;
  if (text[at] != 'T' && text[at] != 't' && text[at] != ' ') return false;
  while (at + 1 < text.size() && text[at] == ' ') ++at;
  if (lower(text[at]) == 't') ++at;
  if (!digits_at(text, at, 2, length)) return false;
  return at + length < text.size() && text[at + length] == ':';
}

}  // namespace

std::string ruby_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text{buffer, static_cast<std::size_t>(end - buffer)};
  const auto e = text.find('e');
  const int exponent = std::stoi(std::string{text.substr(e + 1)});
  std::string digits;
  for (const char c : text.substr(0, e))
    if (is_digit(c)) digits += c;
  std::string result = value < 0 ? "-" : "";
  if (exponent >= 16 || exponent < -4) {
    result += digits.substr(0, 1) + "." + (digits.size() > 1 ? digits.substr(1) : "0");
    const auto magnitude = std::to_string(std::abs(exponent));
    return result + (exponent < 0 ? "e-" : "e+") + (magnitude.size() < 2 ? "0" : "") + magnitude;
  }
  if (exponent < 0) return result + "0." + std::string(-exponent - 1, '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole)
    return result + digits + std::string(whole - digits.size(), '0') + ".0";
  return result + digits.substr(0, whole) + "." + digits.substr(whole);
}

Scalar resolve_plain(std::string_view text) {
  if (text.empty() || text == "~" || same(text, "null")) return {Kind::null, ""};
  if (same(text, "yes") || same(text, "true") || same(text, "on")) return {Kind::boolean, "true"};
  if (same(text, "no") || same(text, "false") || same(text, "off")) return {Kind::boolean, "false"};
  const char first = text[0];
  Scalar result{Kind::string, std::string{text}};
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return result;
  if (is_date(text)) throw DateScalar{};
  if (same(text, ".inf") || same(text, "+.inf"))
    return real(std::numeric_limits<double>::infinity());
  if (same(text, "-.inf")) return real(-std::numeric_limits<double>::infinity());
  if (same(text, ".nan")) return real(std::numeric_limits<double>::quiet_NaN());
  if (text.size() > 4096) return result;
  if (read_sexagesimal(text, result) || read_float(text, result) || read_integer(text, result))
    return result;
  return {Kind::string, std::string{text}};
}

}  // namespace slipway::local::yaml
