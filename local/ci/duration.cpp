#include "local/ci/duration.hpp"

#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

namespace slipway::local::ci {
namespace {

constexpr double longest = 1000.0 * 365 * 24 * 3600;

struct Unit {
  std::int64_t seconds;
  std::array<std::string_view, 5> names;
};

constexpr Unit units[] = {
    {1, {"s", "sec", "secs", "second", "seconds"}},
    {60, {"m", "min", "mins", "minute", "minutes"}},
    {3600, {"h", "hr", "hrs", "hour", "hours"}},
    {86'400, {"d", "day", "days", "", ""}},
    {7 * 86'400, {"w", "wk", "wks", "week", "weeks"}},
    {30 * 86'400, {"mo", "mos", "month", "months", "mon"}},
    {365 * 86'400, {"y", "yr", "yrs", "year", "years"}},
};

std::int64_t unit_seconds(std::string_view name) {
  for (const auto& unit : units)
    for (const auto known : unit.names)
      if (!known.empty() && known == name) return unit.seconds;
  return 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `1:30` (minutes and seconds) or `1:30:00`.
std::optional<std::chrono::seconds> clock(std::string_view text) {
  std::vector<std::int64_t> parts{0};
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == ':' && digits > 0) {
      parts.push_back(0);
      digits = 0;
    } else if (is_digit(c) && ++digits <= 6) {
      parts.back() = parts.back() * 10 + (c - '0');
    } else {
      return std::nullopt;
    }
  }
  if (digits == 0 || parts.size() < 2 || parts.size() > 3) return std::nullopt;
  std::int64_t seconds = 0;
  for (const auto part : parts) seconds = seconds * 60 + part;
  if (seconds == 0) return std::nullopt;
  return std::chrono::seconds{seconds};
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.size() > 255) return std::nullopt;
  if (text.find(':') != std::string_view::npos) return clock(text);
  double sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == ',' || c == '\t') {
      ++at;
      continue;
    }
    if (text.substr(at).starts_with("and ")) {
      at += 3;
      continue;
    }
    std::string number;
    while (at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !number.empty() &&
                                                       number.find('.') == std::string::npos)))
      number += text[at++];
    if (number.empty() || number.size() > 15) return std::nullopt;
    while (at < text.size() && text[at] == ' ') ++at;
    std::string unit;
    while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0)
      unit += static_cast<char>(std::tolower(static_cast<unsigned char>(text[at++])));
    const auto factor = unit.empty() ? 1 : unit_seconds(unit);
    if (factor == 0) return std::nullopt;
    sum += std::stod(number) * static_cast<double>(factor);
  }
  if (!(sum >= 1) || sum > longest) return std::nullopt;
  return std::chrono::seconds{static_cast<std::int64_t>(sum)};
}

}  // namespace slipway::local::ci
