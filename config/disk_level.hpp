#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::config {

/// A level of a disk as config.toml gives it: a share of the whole (`"85%"`), an amount (`"200GB"`,
/// `"512 MiB"`, a number of bytes), or `"off"`.
struct DiskLevel {
  enum class Unit { off, percent, bytes };
  Unit unit = Unit::off;
  double percent = 0;       ///< of the disk, above 0 and below 100
  std::uint64_t bytes = 0;  ///< never 0

  bool is_off() const { return unit == Unit::off; }
  /// In bytes, on a disk of `total` bytes; 0 when off.
  std::uint64_t of(std::uint64_t total) const;

  static DiskLevel share(double percent) { return {Unit::percent, percent, 0}; }
  static DiskLevel amount(std::uint64_t bytes) { return {Unit::bytes, 0, bytes}; }
  friend bool operator==(const DiskLevel&, const DiskLevel&) = default;
};

/// nullopt for anything else, a share of 0 or 100 and an amount of 0 included.
std::optional<DiskLevel> parse_disk_level(std::string_view text);

/// `1.5GB` = 1500000000, `1GiB` = 1073741824, `10` = ten bytes; letters of any case, a space before
/// the unit is allowed. nullopt for anything else and what does not fit into 63 bits.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// `1.2 GB`, `950 MB`, `12 kB`: powers of 1000, as docker shows them.
std::string format_bytes(std::uint64_t bytes);

}  // namespace slipway::config
