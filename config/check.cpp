#include "config/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "config/duration.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"

namespace slipway::config {

namespace {

std::string_view found_text(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return node.is_array_of_tables() ? "an array of tables" : "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating point number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

template <class Fits>
bool all_values(const toml::node& node, Fits fits) {
  const auto* table = node.as_table();
  return table && std::all_of(table->begin(), table->end(),
                              [&](const auto& entry) { return fits(entry.second); });
}

bool is_string_list(const toml::node& node) {
  const auto* list = node.as_array();
  return list && std::all_of(list->begin(), list->end(),
                             [](const toml::node& item) { return item.is_string(); });
}

bool fits(const toml::node& node, Kind kind) {
  switch (kind) {
    case Kind::integer:
      return node.is_integer();
    case Kind::boolean:
      return node.is_boolean();
    case Kind::string:
      return node.is_string();
    case Kind::duration:
      return node.is_string() || node.is_integer();
    case Kind::time:
      return node.is_date_time();
    case Kind::real_list: {
      const auto* list = node.as_array();
      return list && std::all_of(list->begin(), list->end(),
                                 [](const toml::node& item) { return item.is_number(); });
    }
    case Kind::string_list:
      return is_string_list(node);
    case Kind::string_or_list:
      return node.is_string() || is_string_list(node);
    case Kind::table:
      return node.is_table();
    case Kind::table_list:
      return node.is_array_of_tables() || (node.is_array() && node.as_array()->empty());
    case Kind::string_map:
      return all_values(node, [](const toml::node& value) { return value.is_string(); });
    case Kind::bool_map:
      return all_values(node, [](const toml::node& value) { return value.is_boolean(); });
    case Kind::integer_map:
      return all_values(node, [](const toml::node& value) { return value.is_integer(); });
    case Kind::list_map:
      return all_values(node, is_string_list);
    case Kind::anything:
      return true;
  }
  return true;
}

/// What each value of a map must be.
std::optional<Kind> kind_of_values(Kind kind) {
  switch (kind) {
    case Kind::string_map:
      return Kind::string;
    case Kind::bool_map:
      return Kind::boolean;
    case Kind::integer_map:
      return Kind::integer;
    case Kind::list_map:
      return Kind::string_list;
    default:
      return std::nullopt;
  }
}

class Checker {
 public:
  explicit Checker(const std::string& path) : path_{path} {}

  void check_table(const toml::table& file, const std::string& table_path) {
    const auto* table = find_table(table_path);
    if (table == nullptr) return;
    for (const auto& [key, node] : file) {
      const auto name = key.str();
      const auto full =
          table_path.empty() ? std::string{name} : fmt::format("{}.{}", table_path, name);
      const auto* known = table->find(name);
      if (known)
        check_value(node, *known, full);
      else
        warn_unknown(*table, key, full);
    }
  }

  std::vector<Warning> take_warnings() {
    std::ranges::stable_sort(warnings_, {}, &Warning::line);
    return std::move(warnings_);
  }

 private:
  void check_value(const toml::node& node, const Key& key, const std::string& full) {
    if (!fits(node, key.kind)) refuse(node, key, full);
    const auto slash = full.rfind('.');
    const auto schema_path =
        slash == std::string::npos ? key.name : full.substr(0, slash + 1) + key.name;
    if (key.kind == Kind::table) {
      check_table(*node.as_table(), schema_path);
    } else if (key.kind == Kind::table_list) {
      for (const auto& item : *node.as_array()) check_table(*item.as_table(), schema_path);
    } else if (key.kind == Kind::duration) {
      check_duration(node, full);
    }
  }

  void check_duration(const toml::node& node, const std::string& full) {
    const auto& at = node.source().begin;
    if (const auto text = node.value<std::string>()) {
      if (!parse_duration(*text))
        throw ConfigError{path_, at.line, at.column,
                          fmt::format("key \"{}\": invalid duration: \"{}\" (write it as \"1h30m\" "
                                      "or \"90s\")",
                                      full, *text)};
      return;
    }
    const auto count = node.value<std::int64_t>().value_or(0);
    if (count != 0)
      add_warning(at.line,
                  fmt::format("key \"{}\": the integer {} means {} (nanoseconds); write "
                              "a duration such as \"90s\"",
                              full, count, format_duration(std::chrono::nanoseconds{count})));
  }

  [[noreturn]] void refuse(const toml::node& node, const Key& key, const std::string& full) {
    const auto* wrong = &node;
    // Of a list or map, point at the item that does not fit.
    if (key.kind == Kind::string_list || key.kind == Kind::string_or_list) {
      if (const auto* list = node.as_array()) {
        const auto item = std::find_if(list->begin(), list->end(),
                                       [](const toml::node& one) { return !one.is_string(); });
        if (item != list->end()) wrong = &*item;
      }
    } else if (const auto single = kind_of_values(key.kind)) {
      if (const auto* table = node.as_table())
        for (const auto& [name, value] : *table)
          if (!fits(value, *single)) throw mismatch(value, *single, full + "." + std::string{name});
    }
    throw mismatch(*wrong, key.kind, full);
  }

  ConfigError mismatch(const toml::node& node, Kind kind, const std::string& full) const {
    const auto& at = node.source().begin;
    return {
        path_, at.line, at.column,
        fmt::format("key \"{}\": expected {}, found {}", full, describe(kind), found_text(node))};
  }

  void warn_unknown(const Table& table, const toml::key& key, const std::string& full) {
    const auto near = nearest_key(table, key.str());
    add_warning(key.source().begin.line,
                fmt::format("unknown key \"{}\"{}", full,
                            near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""));
  }

  void add_warning(std::uint32_t line, const std::string& text) {
    warnings_.push_back({line, fmt::format("{}:{}: {}", path_, line, text)});
  }

  const std::string& path_;
  std::vector<Warning> warnings_;
};

}  // namespace

std::vector<Warning> check(const toml::table& file, const std::string& path) {
  Checker checker{path};
  checker.check_table(file, "");
  return checker.take_warnings();
}

}  // namespace slipway::config
