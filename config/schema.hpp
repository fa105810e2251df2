#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::config {

/// What a key of config.toml holds.
enum class Kind {
  integer,
  boolean,
  string,
  duration,
  time,
  real_list,
  string_list,
  string_or_list,
  table,
  table_list,
  string_map,
  bool_map,
  list_map,
  integer_map,
  anything,
};

/// One key that the file may have.
struct Key {
  std::string name;
  Kind kind = Kind::string;
  bool optional = false;        ///< unset differs from zero: written whenever set
  bool always_written = false;  ///< also when zero
};

/// One table: its keys in the order in which they are written.
struct Table {
  std::string path;  ///< `runners.docker.services`; "" = the top level
  std::vector<Key> keys;

  /// Exact name first, else regardless of ASCII case; nullptr when unknown.
  const Key* find(std::string_view name) const;
};

/// The table with that path, nullptr if there is none.
const Table* find_table(std::string_view path);

/// The known key of `table` that a misspelt `name` probably means.
std::optional<std::string> nearest_key(const Table& table, std::string_view name);

/// What an error text calls a value of that kind: `an integer`.
std::string_view describe(Kind kind);

/// ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace slipway::config
