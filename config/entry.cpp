#include "config/entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "config/duration.hpp"
#include "config/schema.hpp"

namespace slipway::config {

namespace {

constexpr std::string_view zero_time = "0001-01-01T00:00:00Z";
/// Written with every runner, even empty.
constexpr std::array always_tables{"cache", "cache.s3", "cache.gcs", "cache.azure"};

std::string list_text(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + quote_toml(item);
  return "[" + out + "]";
}

bool fits(const Value& value, Kind kind) {
  switch (kind) {
    case Kind::integer:
      return std::holds_alternative<std::int64_t>(value);
    case Kind::boolean:
      return std::holds_alternative<bool>(value);
    case Kind::string:
    case Kind::duration:
    case Kind::time:
      return std::holds_alternative<std::string>(value);
    case Kind::string_list:
    case Kind::string_or_list:
      return std::holds_alternative<std::vector<std::string>>(value);
    case Kind::string_map:
      return std::holds_alternative<std::map<std::string, std::string>>(value);
    case Kind::bool_map:
      return std::holds_alternative<std::map<std::string, bool>>(value);
    default:
      return false;
  }
}

bool is_zero(const Value& value) {
  return std::visit(
      [](const auto& one) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(one)>>)
          return one == 0;
        else
          return one.empty();
      },
      value);
}

Value zero_of(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return std::int64_t{0};
    case Kind::boolean:
      return false;
    case Kind::string_list:
    case Kind::string_or_list:
      return std::vector<std::string>{};
    default:
      return std::string{};
  }
}

bool is_map(Kind kind) {
  return kind == Kind::string_map || kind == Kind::bool_map;
}

/// Path of a table below `runners`, and the name of the key in it.
std::pair<std::string, std::string> split(std::string_view key) {
  const auto dot = key.rfind('.');
  if (dot == std::string_view::npos) return {"", std::string{key}};
  return {std::string{key.substr(0, dot)}, std::string{key.substr(dot + 1)}};
}

std::string schema_path(const std::string& table) {
  return table.empty() ? "runners" : "runners." + table;
}

std::string map_text(const Value& value, const std::string& margin) {
  std::string out;
  if (const auto* flags = std::get_if<std::map<std::string, bool>>(&value))
    for (const auto& [key, flag] : *flags)
      out += fmt::format("{}{} = {}\n", margin, key_text(key), flag);
  else
    for (const auto& [key, text] : std::get<std::map<std::string, std::string>>(value))
      out += fmt::format("{}{} = {}\n", margin, key_text(key), quote_toml(text));
  return out;
}

}  // namespace

std::string key_text(const std::string& key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? key : quote_toml(key);
}

std::string toml_text(const Value& value, Kind kind) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return list_text(*list);
  const auto& text = std::get<std::string>(value);
  return kind == Kind::time ? toml_time(text) : quote_toml(text);
}

std::string toml_time(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() < shape.size()) return std::string{zero_time};
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 'd' ? !digit(text[i]) : text[i] != shape[i]) return std::string{zero_time};
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  if (number(5) < 1 || number(5) > 12 || number(8) < 1 || number(8) > 31 || number(11) > 23 ||
      number(14) > 59 || number(17) > 59)
    return std::string{zero_time};
  auto zone = text.substr(shape.size());
  if (zone.starts_with('.')) {
    const auto rest = std::find_if_not(zone.begin() + 1, zone.end(), digit);
    zone.remove_prefix(static_cast<std::size_t>(rest - zone.begin()));
  }
  const bool offset = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && digit(zone[1]) &&
                      digit(zone[2]) && zone[3] == ':' && digit(zone[4]) && digit(zone[5]);
  if (zone != "Z" && !offset) return std::string{zero_time};
  return std::string{text.substr(0, shape.size())} + std::string{zone};
}

std::string quote_toml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  return out + "\"";
}

void RunnerEntry::set(std::string_view key, Value value) {
  const auto [table_path, name] = split(key);
  const auto* table = find_table(schema_path(table_path));
  const auto* known = table ? table->find(name) : nullptr;
  if (known == nullptr || known->name != name)
    throw std::invalid_argument{fmt::format("unknown key \"runners.{}\"", key)};
  if (known->kind == Kind::string_or_list && std::holds_alternative<std::string>(value))
    value = std::vector<std::string>{std::get<std::string>(value)};
  if (!fits(value, known->kind))
    throw std::invalid_argument{
        fmt::format("key \"runners.{}\": expected {}", key, describe(known->kind))};
  if (known->kind == Kind::duration) {
    auto& text = std::get<std::string>(value);
    const auto duration = parse_duration(text);
    if (!duration)
      throw std::invalid_argument{
          fmt::format("key \"runners.{}\": invalid duration: \"{}\"", key, text)};
    text = format_duration(*duration);
    if (!known->optional && duration->count() == 0) text.clear();
  }
  values_.insert_or_assign(std::string{key}, std::move(value));
}

const Value* RunnerEntry::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void RunnerEntry::set_text(const std::string& key, std::string text) {
  texts_.insert_or_assign(key, std::move(text));
}

bool RunnerEntry::has(std::string_view key) const {
  const auto* value = find(key);
  return value != nullptr && !is_zero(*value);
}

void RunnerEntry::erase(std::string_view key) {
  if (const auto found = values_.find(key); found != values_.end()) values_.erase(found);
}

void RunnerEntry::erase_table(std::string_view table) {
  const auto prefix = std::string{table} + ".";
  std::erase_if(values_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  std::erase_if(texts_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

bool RunnerEntry::has_table(std::string_view path) const {
  if (std::ranges::find(always_tables, path) != always_tables.end()) return true;
  const auto prefix = std::string{path} + ".";
  const auto holds = [&](const auto& map) {
    const auto next = map.lower_bound(prefix);
    return next != map.end() && next->first.starts_with(prefix);
  };
  return holds(values_) || holds(texts_);
}

std::string RunnerEntry::render() const {
  std::string out = "[[runners]]\n";
  render_table("", 1, out);
  return out;
}

void RunnerEntry::render_table(const std::string& path, int depth, std::string& out) const {
  const std::string margin(static_cast<std::size_t>(depth) * 2, ' ');
  const auto* table = find_table(schema_path(path));
  std::string sub_tables;
  for (const auto& key : table->keys) {
    const auto full = path.empty() ? key.name : path + "." + key.name;
    const auto* value = find(full);
    if (const auto text = texts_.find(full); text != texts_.end()) {
      const bool plain = text->second.find_first_not_of(' ') != text->second.find('[');
      (plain ? out : sub_tables) += text->second;
    } else if (key.kind == Kind::table) {
      if (!has_table(full)) continue;
      sub_tables += fmt::format("{}[{}]\n", margin, schema_path(full));
      render_table(full, depth + 1, sub_tables);
    } else if (is_map(key.kind)) {
      if (value == nullptr || is_zero(*value)) continue;
      sub_tables += fmt::format("{}[{}]\n", margin, schema_path(full));
      sub_tables += map_text(*value, margin + "  ");
    } else if (key.always_written || (value && (key.optional || !is_zero(*value)))) {
      out += fmt::format("{}{} = {}\n", margin, key.name,
                         toml_text(value ? *value : zero_of(key.kind), key.kind));
    }
  }
  out += sub_tables;
}

}  // namespace slipway::config
