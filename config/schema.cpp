#include "config/schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "config/schema_text.hpp"

namespace slipway::config {

namespace {

constexpr std::array kinds{
    std::pair{std::string_view{""}, Kind::string},
    std::pair{std::string_view{"i"}, Kind::integer},
    std::pair{std::string_view{"b"}, Kind::boolean},
    std::pair{std::string_view{"d"}, Kind::duration},
    std::pair{std::string_view{"z"}, Kind::time},
    std::pair{std::string_view{"f"}, Kind::real_list},
    std::pair{std::string_view{"a"}, Kind::string_list},
    std::pair{std::string_view{"A"}, Kind::string_or_list},
    std::pair{std::string_view{"t"}, Kind::table},
    std::pair{std::string_view{"T"}, Kind::table_list},
    std::pair{std::string_view{"m"}, Kind::string_map},
    std::pair{std::string_view{"bm"}, Kind::bool_map},
    std::pair{std::string_view{"lm"}, Kind::list_map},
    std::pair{std::string_view{"im"}, Kind::integer_map},
    std::pair{std::string_view{"x"}, Kind::anything},
};

Key parse_key(std::string_view word) {
  Key key;
  const auto colon = word.find(':');
  const auto letters = colon == std::string_view::npos ? "" : word.substr(colon + 1);
  word = word.substr(0, colon);
  key.kind = std::ranges::find(kinds, letters, [](const auto& kind) { return kind.first; })->second;
  if (word.ends_with('?')) {
    key.optional = true;
    word.remove_suffix(1);
  }
  if (word.ends_with('!')) {
    key.always_written = true;
    word.remove_suffix(1);
  }
  key.name = word;
  return key;
}

Table parse_table(const TableText& text) {
  Table table{std::string{text.path}, {}};
  for (auto rest = text.keys; !rest.empty();) {
    const auto space = rest.find(' ');
    table.keys.push_back(parse_key(rest.substr(0, space)));
    rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
  }
  return table;
}

using Tables = std::map<std::string, Table, std::less<>>;

Tables parse_all() {
  Tables tables;
  for (const auto& list : {general_tables(), kubernetes_tables()})
    for (const auto& text : list) tables.emplace(text.path, parse_table(text));
  return tables;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), 0u);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({row[j - 1] + 1, above[j] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

const Key* Table::find(std::string_view name) const {
  for (const auto& key : keys)
    if (key.name == name) return &key;
  for (const auto& key : keys)
    if (equal_ignoring_case(key.name, name)) return &key;
  return nullptr;
}

const Table* find_table(std::string_view path) {
  static const Tables tables = parse_all();
  const auto found = tables.find(path);
  return found == tables.end() ? nullptr : &found->second;
}

std::optional<std::string> nearest_key(const Table& table, std::string_view name) {
  constexpr std::size_t longest_name = 64;
  if (name.size() > longest_name) return std::nullopt;
  const std::string* best = nullptr;
  auto best_distance = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (const auto& key : table.keys) {
    const auto changes = distance(name, key.name);
    if (changes < best_distance) {
      best = &key.name;
      best_distance = changes;
    }
  }
  return best ? std::optional{*best} : std::nullopt;
}

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return "an integer";
    case Kind::boolean:
      return "true or false";
    case Kind::string:
      return "a string";
    case Kind::duration:
      return "a duration such as \"1h30m\"";
    case Kind::time:
      return "a date and time with offset";
    case Kind::real_list:
      return "an array of numbers";
    case Kind::string_list:
      return "an array of strings";
    case Kind::string_or_list:
      return "a string or an array of strings";
    case Kind::table:
      return "a table";
    case Kind::table_list:
      return "an array of tables ([[…]])";
    case Kind::string_map:
      return "a table of strings";
    case Kind::bool_map:
      return "a table of true and false";
    case Kind::list_map:
      return "a table of arrays of strings";
    case Kind::integer_map:
      return "a table of integers";
    case Kind::anything:
      return "a value";
  }
  return "a value";
}

}  // namespace slipway::config
