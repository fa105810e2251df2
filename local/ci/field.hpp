#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "local/yaml/node.hpp"

namespace slipway::local::ci {

/// A value of the configuration with its path (`jobs:test:retry:max`), for reading it or saying
/// what is wrong with it. Every reader throws yaml::Error, `<path>: <what>`, with the value's
/// place.
class Field {
 public:
  Field(yaml::NodePtr node, std::string path) : node_{std::move(node)}, path_{std::move(path)} {}

  const yaml::Node& node() const { return *node_; }
  const yaml::NodePtr& ptr() const { return node_; }
  const yaml::Mark& mark() const { return node_->mark(); }
  const std::string& path() const { return path_; }
  bool is_null() const { return node_->is_null(); }
  bool is_mapping() const { return node_->is_mapping(); }
  bool is_list() const { return node_->is_sequence(); }

  [[noreturn]] void fail(const std::string& what) const;
  /// Also names what the value is: `should be a string, not a list`.
  [[noreturn]] void expected(std::string_view what) const;

  /// The value of a key of this mapping; absent if there is none.
  std::optional<Field> find(std::string_view key) const;
  /// The list's items, `path[0]` and so on. Anything but a list fails.
  std::vector<Field> items() const;
  /// The mapping's values with their keys. Anything but a mapping fails.
  std::vector<std::pair<std::string, Field>> members() const;
  /// This must be a mapping with no other keys than these.
  void only_keys(std::initializer_list<std::string_view> keys) const;

  /// A string that is not empty.
  std::string text() const;
  /// A string, possibly empty.
  std::string string() const;
  /// A string, number or boolean as text.
  std::string scalar() const;
  bool boolean() const;
  std::int64_t integer(std::int64_t least, std::int64_t most) const;
  std::string one_of(std::initializer_list<std::string_view> words) const;
  /// A list of strings that are not empty.
  std::vector<std::string> texts() const;
  /// One such string, or a list of them.
  std::vector<std::string> text_or_texts() const;
  /// A string or a list of strings nested up to ten deep, as scripts are.
  std::vector<std::string> script() const;
  /// A duration in words (see parse_duration); its text.
  std::string duration() const;

 private:
  yaml::NodePtr node_;
  std::string path_;
};

}  // namespace slipway::local::ci
