#include "local/ci/merge.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "local/ci/field.hpp"

namespace slipway::local::ci {
namespace {

constexpr std::size_t max_extends = 11;

/// Resolves jobs once each, parents first.
class Extender {
 public:
  explicit Extender(const yaml::NodePtr& root) : root_{root} {}

  yaml::NodePtr run() {
    yaml::Mapping result;
    for (const auto& entry : root_->entries().entries()) {
      auto copy = entry;
      copy.value = resolved(entry.key);
      result.set(std::move(copy));
    }
    return yaml::Node::mapping(root_->mark(), std::move(result));
  }

 private:
  yaml::NodePtr resolved(const std::string& name) {
    if (const auto found = done_.find(name); found != done_.end()) return found->second;
    const auto node = root_->find_ptr(name);
    const auto* extends = node->is_mapping() ? node->find("extends") : nullptr;
    if (!extends) return done_[name] = node;
    const Field field{node->find_ptr("extends"), "jobs:" + name + ":extends"};
    const auto parents = field.text_or_texts();
    if (parents.empty()) field.fail("should not be empty");
    chain_.push_back(name);
    if (chain_.size() > max_extends) fail_depth(field);
    yaml::NodePtr result;
    auto& level = levels_[name];
    for (const auto& parent : parents) {
      const auto base = parent_of(field, parent);
      level = std::max(level, levels_[parent] + 1);
      if (level > max_extends) fail_depth(field);
      result = result ? deep_merge(result, base) : base;
    }
    chain_.pop_back();
    yaml::Mapping own = node->entries();
    own.erase("extends");
    result = deep_merge(result, yaml::Node::mapping(node->mark(), std::move(own)));
    constexpr std::size_t max_weight = 10'000'000;
    weight_ += result->weight();
    if (weight_ > max_weight) field.fail("too large once all extends are resolved");
    return done_[name] = result;
  }

  [[noreturn]] static void fail_depth(const Field& field) {
    field.fail("nested deeper than eleven levels");
  }

  yaml::NodePtr parent_of(const Field& field, const std::string& parent) {
    if (const auto at = std::find(chain_.begin(), chain_.end(), parent); at != chain_.end()) {
      std::string circle;
      for (auto job = at; job != chain_.end(); ++job) circle += *job + " -> ";
      field.fail("goes in a circle: " + circle + parent);
    }
    const auto* known = root_->find(parent);
    if (!known) field.fail("'" + parent + "' does not exist");
    if (!known->is_mapping())
      field.fail("'" + parent + "' is no job, it is " +
                 std::string{yaml::kind_name(known->kind())});
    return resolved(parent);
  }

  const yaml::NodePtr& root_;
  std::map<std::string, yaml::NodePtr, std::less<>> done_;
  std::map<std::string, std::size_t, std::less<>> levels_;  ///< how many are extended above each
  std::vector<std::string> chain_;
  std::size_t weight_ = 0;
};

class Referrer {
 public:
  explicit Referrer(const yaml::NodePtr& root) : root_{root} {}

  yaml::NodePtr run() { return resolved(root_, 0); }

 private:
  /// Unchanged parts are shared with the tree before.
  yaml::NodePtr resolved(const yaml::NodePtr& node, std::size_t level) {
    if (node->is_reference()) return target(node, level);
    if (node->is_sequence()) return sequence(node, level);
    if (node->is_mapping()) return mapping(node, level);
    return node;
  }

  yaml::NodePtr sequence(const yaml::NodePtr& node, std::size_t level) {
    std::vector<yaml::NodePtr> items;
    bool changed = false;
    for (const auto& item : node->items()) {
      items.push_back(resolved(item, level));
      changed |= items.back() != item;
    }
    return changed ? checked(yaml::Node::sequence(node->mark(), std::move(items))) : node;
  }

  yaml::NodePtr mapping(const yaml::NodePtr& node, std::size_t level) {
    yaml::Mapping entries;
    bool changed = false;
    for (const auto& entry : node->entries().entries()) {
      auto copy = entry;
      copy.value = resolved(entry.value, level);
      changed |= copy.value != entry.value;
      entries.set(std::move(copy));
    }
    return changed ? checked(yaml::Node::mapping(node->mark(), std::move(entries))) : node;
  }

  yaml::NodePtr checked(yaml::NodePtr node) {
    constexpr std::size_t max_weight = 1'000'000;
    constexpr std::size_t max_depth = 200;
    if (node->weight() > max_weight || node->depth() > max_depth)
      throw yaml::Error{node->mark(), "too large once its !reference tags are resolved"};
    return node;
  }

  yaml::NodePtr target(const yaml::NodePtr& reference, std::size_t level) {
    constexpr std::size_t max_level = 10;
    std::string text;
    for (const auto& name : reference->items()) text += (text.empty() ? "" : ", ") + name->text();
    const auto fail = [&](const std::string& what) {
      throw yaml::Error{reference->mark(), "!reference [" + text + "] " + what};
    };
    if (const auto known = done_.find(text); known != done_.end()) return known->second;
    if (std::find(open_.begin(), open_.end(), text) != open_.end()) fail("refers to itself");
    if (level >= max_level) fail("is nested deeper than ten levels");
    auto at = root_;
    open_.push_back(text);
    for (const auto& name : reference->items()) {
      // On the way there may be references as well.
      if (at->is_reference()) at = resolved(at, level + 1);
      at = at->find_ptr(name->text());
      if (!at || at->is_null()) fail("could not be found");
    }
    at = resolved(at, level + 1);
    open_.pop_back();
    done_[text] = at;
    return at;
  }

  const yaml::NodePtr& root_;
  std::vector<std::string> open_;
  std::map<std::string, yaml::NodePtr, std::less<>> done_;
};

}  // namespace

void merge_into(yaml::Mapping& base, const yaml::Mapping& over) {
  for (const auto& entry : over.entries()) {
    auto copy = entry;
    if (const auto* below = base.find(entry.key))
      copy.value = deep_merge(below->value, entry.value);
    base.set(std::move(copy));
  }
}

yaml::NodePtr deep_merge(const yaml::NodePtr& base, const yaml::NodePtr& over) {
  if (!base->is_mapping() || !over->is_mapping()) return over;
  if (base->entries().empty()) return over;
  yaml::Mapping result = base->entries();
  merge_into(result, over->entries());
  return yaml::Node::mapping(over->mark(), std::move(result));
}

yaml::NodePtr resolve_extends(const yaml::NodePtr& root) {
  return Extender{root}.run();
}

yaml::NodePtr resolve_references(const yaml::NodePtr& root) {
  return Referrer{root}.run();
}

}  // namespace slipway::local::ci
