#include "config/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "config/fields.hpp"
#include "config/file.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/toml.hpp"

namespace slipway::config {

namespace {

constexpr std::array<std::string_view, 5> never_taken{"token", "id", "token_obtained_at",
                                                      "token_expires_at", "name"};

/// What is plain in TOML: a number, a text, a list of them.
std::string plain_text(const toml::node& node) {
  if (const auto text = node.value<std::string>(); text && node.is_string())
    return quote_toml(*text);
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  std::string out;
  if (const auto* list = node.as_array())
    for (const auto& item : *list) out += (out.empty() ? "" : ", ") + plain_text(item);
  return "[" + out + "]";
}

/// The keys of a table, then its tables, at `depth` levels below the top.
void render(const toml::table& table, const std::string& path, int depth, std::string& out) {
  const std::string margin(static_cast<std::size_t>(depth) * 2, ' ');
  for (const auto& [key, node] : table)
    if (!node.is_table() && !node.is_array_of_tables())
      out += fmt::format("{}{} = {}\n", margin, key_text(std::string{key.str()}), plain_text(node));
  for (const auto& [key, node] : table) {
    const auto full = path + "." + key_text(std::string{key.str()});
    if (const auto* one = node.as_table()) {
      out += fmt::format("{}[{}]\n", margin, full);
      render(*one, full, depth + 1, out);
    } else if (node.is_array_of_tables()) {
      for (const auto& item : *node.as_array()) {
        out += fmt::format("{}[[{}]]\n", margin, full);
        render(*item.as_table(), full, depth + 1, out);
      }
    }
  }
}

std::optional<Value> value_of(const toml::node& node, Kind kind) {
  const auto texts = [&] {
    std::vector<std::string> list;
    if (const auto text = node.value<std::string>()) list.push_back(*text);
    if (const auto* array = node.as_array())
      for (const auto& item : *array) list.push_back(item.value<std::string>().value_or(""));
    return list;
  };
  switch (kind) {
    case Kind::integer:
      return node.value<std::int64_t>();
    case Kind::boolean:
      return node.value<bool>();
    case Kind::string:
      return node.value<std::string>();
    case Kind::duration: {
      if (const auto text = node.value<std::string>()) return *text;
      return fmt::format("{}ns", node.value<std::int64_t>().value_or(0));
    }
    case Kind::string_list:
    case Kind::string_or_list:
      return texts();
    default:
      return std::nullopt;
  }
}

/// Keys that the entry has already stay.
template <class Item>
void merge_map(RunnerEntry& entry, const std::string& key, const toml::table& table) {
  std::map<std::string, Item> items;
  for (const auto& [name, node] : table)
    if (auto value = node.template value<Item>())
      items.emplace(std::string{name.str()}, std::move(*value));
  if (const auto* own = entry.find(key))
    for (const auto& [name, value] : std::get<std::map<std::string, Item>>(*own))
      items.insert_or_assign(name, value);
  entry.set(key, std::move(items));
}

void merge_table(RunnerEntry& entry, const toml::table& table, const std::string& path) {
  const auto* schema = find_table(path.empty() ? "runners" : "runners." + path);
  if (schema == nullptr) return;
  const int depth = static_cast<int>(std::ranges::count(path, '.')) + (path.empty() ? 1 : 2);
  for (const auto& [name, node] : table) {
    const auto* key = schema->find(name.str());
    if (key == nullptr) continue;
    const auto full = path.empty() ? key->name : path + "." + key->name;
    if (path.empty() && std::ranges::find(never_taken, key->name) != never_taken.end()) continue;
    if (key->kind == Kind::table) {
      merge_table(entry, *node.as_table(), full);
    } else if (key->kind == Kind::string_map) {
      merge_map<std::string>(entry, full, *node.as_table());
    } else if (key->kind == Kind::bool_map) {
      merge_map<bool>(entry, full, *node.as_table());
    } else if (auto value = value_of(node, key->kind)) {
      if (!entry.has(full)) entry.set(full, std::move(*value));
    } else if (key->kind != Kind::time) {
      toml::table alone;
      alone.insert(key->name, node);
      std::string text;
      render(alone, path.empty() ? "runners" : "runners." + path, depth, text);
      entry.set_text(full, std::move(text));
    }
  }
}

}  // namespace

void merge_template(RunnerEntry& entry, const std::string& path) {
  const auto text = read_config_file(path);
  if (!text) throw ConfigError{path, 0, 0, "configuration template not found"};
  // For its errors, with line and column.
  parse(*text, path, process_environment());
  const auto file = toml::parse(*text, path);
  const auto runners = Fields{file}.tables("runners");
  if (runners.size() != 1)
    throw ConfigError{path, 0, 0,
                      "configuration template must contain exactly one [[runners]] entry"};
  merge_table(entry, *runners.front(), "");
}

}  // namespace slipway::config
