#include "local/yaml/node.hpp"

#include <algorithm>

namespace slipway::local::yaml {
namespace {

constexpr std::size_t index_from = 12;
constexpr auto nowhere = static_cast<std::size_t>(-1);
constexpr std::size_t max_weight = std::size_t{1} << 40;

}  // namespace

std::size_t Mapping::position(std::string_view key) const {
  if (!index_.empty()) {
    const auto found = index_.find(std::string{key});
    return found == index_.end() ? nowhere : found->second;
  }
  for (std::size_t at = 0; at < entries_.size(); ++at)
    if (entries_[at].key == key) return at;
  return nowhere;
}

void Mapping::index_all() {
  index_.clear();
  if (entries_.size() < index_from) return;
  for (std::size_t at = 0; at < entries_.size(); ++at) index_[entries_[at].key] = at;
}

const Entry* Mapping::find(std::string_view key) const {
  const auto at = position(key);
  return at == nowhere ? nullptr : &entries_[at];
}

bool Mapping::set(Entry entry) {
  const auto at = position(entry.key);
  if (at != nowhere) {
    entries_[at] = std::move(entry);
    return false;
  }
  if (!index_.empty()) index_[entry.key] = entries_.size();
  entries_.push_back(std::move(entry));
  if (index_.empty()) index_all();
  return true;
}

void Mapping::erase(std::string_view key) {
  const auto at = position(key);
  if (at == nowhere) return;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  index_all();
}

void Node::count(const NodePtr& child) {
  weight_ = std::min(max_weight, weight_ + child->weight_);
  depth_ = std::max(depth_, child->depth_ + 1);
}

NodePtr Node::scalar(Mark mark, Scalar value) {
  std::shared_ptr<Node> node{new Node};
  node->mark_ = mark;
  node->value_ = std::move(value);
  // Long texts count for more, so that aliases of one text cannot fill the memory either.
  node->weight_ += node->value_.text.size() / 64;
  return node;
}

NodePtr Node::string(Mark mark, std::string text) {
  return scalar(mark, {Kind::string, std::move(text)});
}

NodePtr Node::null(Mark mark) {
  return scalar(mark, {Kind::null, {}});
}

NodePtr Node::sequence(Mark mark, std::vector<NodePtr> items) {
  std::shared_ptr<Node> node{new Node};
  node->mark_ = mark;
  node->value_.kind = Kind::sequence;
  for (const auto& item : items) node->count(item);
  node->items_ = std::move(items);
  return node;
}

NodePtr Node::mapping(Mark mark, Mapping entries) {
  std::shared_ptr<Node> node{new Node};
  node->mark_ = mark;
  node->value_.kind = Kind::mapping;
  for (const auto& entry : entries.entries()) node->count(entry.value);
  node->entries_ = std::move(entries);
  return node;
}

NodePtr Node::reference(Mark mark, std::vector<NodePtr> names) {
  std::shared_ptr<Node> node{new Node};
  node->mark_ = mark;
  node->value_.kind = Kind::reference;
  for (const auto& name : names) node->count(name);
  node->items_ = std::move(names);
  return node;
}

NodePtr Node::find_ptr(std::string_view key) const {
  const auto* entry = entries_.find(key);
  return entry ? entry->value : nullptr;
}

const Node* Node::find(std::string_view key) const {
  const auto* entry = entries_.find(key);
  return entry ? entry->value.get() : nullptr;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "empty";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
    case Kind::real:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
    case Kind::reference:
      return "a !reference";
  }
  return "unknown";
}

}  // namespace slipway::local::yaml
