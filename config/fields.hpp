#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/duration.hpp"
#include "config/schema.hpp"
#include "config/toml.hpp"

namespace slipway::config {

/// Reads a checked table: each call stores the value of one key, if it is there, else leaves the
/// target alone.
class Fields {
 public:
  explicit Fields(const toml::table& table) : table_{table} {}

  /// Exact name first, else regardless of ASCII case.
  const toml::node* find(std::string_view name) const {
    if (const auto* node = table_.get(name)) return node;
    for (const auto& [key, node] : table_)
      if (equal_ignoring_case(key.str(), name)) return &node;
    return nullptr;
  }

  void read(std::string_view name, std::string& target) const { assign(name, target); }
  void read(std::string_view name, bool& target) const { assign(name, target); }
  void read(std::string_view name, std::int64_t& target) const { assign(name, target); }
  void read(std::string_view name, std::optional<bool>& target) const {
    if (const auto* node = find(name)) target = node->value<bool>();
  }

  /// Numbers beyond int mean "as much as there is".
  void read(std::string_view name, int& target) const {
    constexpr std::int64_t most = std::numeric_limits<int>::max();
    std::int64_t value = target;
    read(name, value);
    target = static_cast<int>(std::clamp(value, -most, most));
  }

  void read(std::string_view name, std::chrono::seconds& target) const {
    int seconds = static_cast<int>(target.count());
    read(name, seconds);
    target = std::chrono::seconds{seconds};
  }

  void read(std::string_view name, std::chrono::milliseconds& target) const {
    const auto* node = find(name);
    if (node == nullptr) return;
    if (const auto text = node->value<std::string>())
      target = std::chrono::duration_cast<std::chrono::milliseconds>(
          parse_duration(*text).value_or(std::chrono::nanoseconds{0}));
    else if (const auto count = node->value<std::int64_t>())
      target =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds{*count});
  }

  /// A string stands for a list of one.
  void read(std::string_view name, std::vector<std::string>& target) const {
    if (const auto* node = find(name)) target = strings(*node);
  }

  template <class Value>
  void read(std::string_view name, std::map<std::string, Value>& target) const {
    const auto* node = find(name);
    if (node == nullptr || !node->is_table()) return;
    for (const auto& [key, value] : *node->as_table()) {
      auto& slot = target[std::string{key.str()}];
      if constexpr (std::is_same_v<Value, std::vector<std::string>>)
        slot = strings(value);
      else if (const auto plain = value.template value<Value>())
        slot = *plain;
    }
  }

  const toml::table* table(std::string_view name) const {
    const auto* node = find(name);
    return node ? node->as_table() : nullptr;
  }

  std::vector<const toml::table*> tables(std::string_view name) const {
    std::vector<const toml::table*> list;
    const auto* node = find(name);
    if (node != nullptr && node->is_array())
      for (const auto& item : *node->as_array())
        if (const auto* table = item.as_table()) list.push_back(table);
    return list;
  }

 private:
  template <class Value>
  void assign(std::string_view name, Value& target) const {
    if (const auto* node = find(name))
      if (auto value = node->value<Value>()) target = std::move(*value);
  }

  static std::vector<std::string> strings(const toml::node& node) {
    if (const auto text = node.value<std::string>()) return {*text};
    std::vector<std::string> list;
    if (const auto* array = node.as_array())
      for (const auto& item : *array) list.push_back(item.value<std::string>().value_or(""));
    return list;
  }

  const toml::table& table_;
};

}  // namespace slipway::config
