#include "config/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace slipway::config {

namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  std::int64_t size;  ///< nanoseconds
};

// Longer names first where one begins with another.
constexpr std::array units{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"µs", 1'000},
    Unit{"μs", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The unit that is the longest run of non-digits at the front: `min` is no unit, though it begins
/// with `m`.
const Unit* take_unit(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !is_digit(text[length]) && text[length] != '.') ++length;
  for (const auto& unit : units)
    if (text.substr(0, length) == unit.name) {
      text.remove_prefix(length);
      return &unit;
    }
  return nullptr;
}

/// `4.500` with trailing zeros of the fraction cut: `4.5`.
std::string decimal(std::int64_t value, std::int64_t scale) {
  auto text = fmt::format("{}", value / scale);
  auto rest = value % scale;
  if (rest == 0) return text;
  text += '.';
  for (auto digit = scale / 10; rest != 0; digit /= 10) {
    text += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return text;
}

}  // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return nanoseconds{0};
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    long double number = 0;
    long double place = 1;
    std::size_t digits = 0;
    bool fraction = false;
    std::size_t i = 0;
    for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !fraction)); ++i) {
      if (text[i] == '.') {
        fraction = true;
        continue;
      }
      ++digits;
      if (fraction) place /= 10;
      number = fraction ? number + place * (text[i] - '0') : number * 10 + (text[i] - '0');
    }
    text.remove_prefix(i);
    const auto* unit = digits > 0 ? take_unit(text) : nullptr;
    if (unit == nullptr) return std::nullopt;
    total += number * static_cast<long double>(unit->size);
    if (total >= static_cast<long double>(std::numeric_limits<std::int64_t>::max()))
      return std::nullopt;
  }
  const auto count = static_cast<std::int64_t>(total + 0.5L);
  return nanoseconds{negative ? -count : count};
}

std::string format_duration(nanoseconds duration) {
  auto count = duration.count();
  if (count == 0) return "0s";
  // The smallest number has no positive counterpart.
  if (count == std::numeric_limits<std::int64_t>::min()) return "-2562047h47m16.854775808s";
  const std::string sign = count < 0 ? "-" : "";
  count = std::abs(count);
  if (count < 1'000) return fmt::format("{}{}ns", sign, count);
  if (count < 1'000'000) return sign + decimal(count, 1'000) + "µs";
  if (count < 1'000'000'000) return sign + decimal(count, 1'000'000) + "ms";
  constexpr std::int64_t minute = 60'000'000'000;
  const auto seconds = decimal(count % minute, 1'000'000'000) + "s";
  const auto minutes = count / minute;
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

}  // namespace slipway::config
