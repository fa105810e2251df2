#pragma once

#include <span>
#include <string_view>

namespace slipway::config {

/// A table of the schema in writing. `keys` are names in the order in which GitLab Runner writes
/// them, each followed by
/// `!` (written also when zero), `?` (unset differs from zero) and `:kind`, in that order and only
/// where needed: i integer, b boolean, d duration, z time, f list of numbers, a list of strings, A
/// string or list of strings, t table, T array of tables, m map of strings, bm of booleans, lm of
/// lists, im of integers, x anything; without a kind, a string.
struct TableText {
  std::string_view path;
  std::string_view keys;
};

std::span<const TableText> general_tables();
std::span<const TableText> kubernetes_tables();

}  // namespace slipway::config
