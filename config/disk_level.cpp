#include "config/disk_level.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "config/schema.hpp"

namespace slipway::config {

namespace {

struct Unit {
  std::string_view name;
  double size;
};

constexpr std::array units{
    Unit{"", 1},
    Unit{"b", 1},
    Unit{"kb", 1e3},
    Unit{"mb", 1e6},
    Unit{"gb", 1e9},
    Unit{"tb", 1e12},
    Unit{"k", 1e3},
    Unit{"m", 1e6},
    Unit{"g", 1e9},
    Unit{"t", 1e12},
    Unit{"kib", 1024},
    Unit{"mib", 1048576.0},
    Unit{"gib", 1073741824.0},
    Unit{"tib", 1099511627776.0},
};

/// The number that `text` begins with, which is cut off; nullopt if there is none.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value) || text.starts_with('-')) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  return value;
}

}  // namespace

std::uint64_t DiskLevel::of(std::uint64_t total) const {
  if (unit == Unit::percent)
    return static_cast<std::uint64_t>(static_cast<double>(total) * percent / 100);
  return unit == Unit::bytes ? bytes : 0;
}

std::optional<DiskLevel> parse_disk_level(std::string_view text) {
  if (equal_ignoring_case(text, "off")) return DiskLevel{};
  if (text.ends_with('%')) {
    const auto value = take_number(text);
    if (!value || text != "%" || *value <= 0 || *value >= 100) return std::nullopt;
    return DiskLevel::share(*value);
  }
  const auto bytes = parse_bytes(text);
  if (!bytes || *bytes == 0) return std::nullopt;
  return DiskLevel::amount(*bytes);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr double most = 9e18;
  const auto value = take_number(text);
  if (!value) return std::nullopt;
  for (const auto& unit : units)
    if (equal_ignoring_case(text, unit.name)) {
      const auto bytes = *value * unit.size;
      if (bytes > most) return std::nullopt;
      return static_cast<std::uint64_t>(std::llround(bytes));
    }
  return std::nullopt;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array names{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // Rounded to what is shown: 999.96 kB would be 1000 kB.
  while (unit + 1 < names.size() && value >= 999.5) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 && unit > 0 ? fmt::format("{:.1f} {}", value, names[unit])
                                  : fmt::format("{:.0f} {}", value, names[unit]);
}

}  // namespace slipway::config
