#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "local/yaml/mark.hpp"
#include "local/yaml/scalar.hpp"

namespace slipway::local::yaml {

class Node;
/// Shared by everything that an alias, a merge key or `extends` makes refer to it. Nodes never
/// change and form no cycles.
using NodePtr = std::shared_ptr<const Node>;

/// One key with its value.
struct Entry {
  std::string key;
  Mark mark;                     ///< of the key
  Kind key_kind = Kind::string;  ///< `on:` is a boolean, `1:` an integer
  NodePtr value;
};

/// Keys in the order in which each was first seen; setting a key again keeps its place, as in Ruby.
class Mapping {
 public:
  const Entry* find(std::string_view key) const;
  /// Returns false if the key was there already and got a new value.
  bool set(Entry entry);
  void erase(std::string_view key);
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::size_t position(std::string_view key) const;
  void index_all();

  std::vector<Entry> entries_;
  /// Only of larger mappings.
  std::unordered_map<std::string, std::size_t> index_;
};

/// A value of a YAML document with its place. Immutable.
class Node {
 public:
  static NodePtr scalar(Mark mark, Scalar value);
  static NodePtr string(Mark mark, std::string text);
  static NodePtr null(Mark mark);
  static NodePtr sequence(Mark mark, std::vector<NodePtr> items);
  static NodePtr mapping(Mark mark, Mapping entries);
  /// `!reference [a, b]`: the names are the items.
  static NodePtr reference(Mark mark, std::vector<NodePtr> names);

  Kind kind() const { return value_.kind; }
  const Mark& mark() const { return mark_; }
  bool is_null() const { return kind() == Kind::null; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_sequence() const { return kind() == Kind::sequence; }
  bool is_mapping() const { return kind() == Kind::mapping; }
  bool is_reference() const { return kind() == Kind::reference; }
  bool is_scalar() const { return !is_sequence() && !is_mapping() && !is_reference(); }

  /// A scalar's text (see Scalar); empty for the others.
  const std::string& text() const { return value_.text; }
  bool truth() const { return value_.text == "true"; }
  /// Of a sequence or reference; empty for the others.
  const std::vector<NodePtr>& items() const { return items_; }
  /// Of a mapping; empty for the others.
  const Mapping& entries() const { return entries_; }
  /// The value of a key; null if there is none or this is no mapping.
  const Node* find(std::string_view key) const;
  NodePtr find_ptr(std::string_view key) const;

  /// How many nodes the tree has when every alias is written out; bounded by the parser's limit.
  std::size_t weight() const { return weight_; }
  std::size_t depth() const { return depth_; }

 private:
  Node() = default;
  void count(const NodePtr& child);

  Mark mark_;
  Scalar value_;
  std::vector<NodePtr> items_;
  Mapping entries_;
  std::size_t weight_ = 1;
  std::size_t depth_ = 1;
};

/// What a kind is called in error texts, with its article: `a mapping`.
std::string_view kind_name(Kind kind);

}  // namespace slipway::local::yaml
