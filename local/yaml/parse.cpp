#include "local/yaml/parse.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "local/yaml/base64.hpp"
#include "local/yaml/events.hpp"

namespace slipway::local::yaml {
namespace {

constexpr std::string_view core_tag = "tag:yaml.org,2002:";

class Builder {
 public:
  Builder(std::string_view text, const ParseOptions& options)
      : options_{options}, events_{text, options} {}

  Parsed build() {
    expect(EventType::stream_start);
    auto event = events_.next();
    NodePtr root;
    if (event.type == EventType::document_start) {
      root = value(events_.next(), 1);
      expect(EventType::document_end);
      event = events_.next();
    } else {
      root = Node::null(event.mark);
    }
    if (event.type == EventType::document_start)
      throw Error{event.mark, "a second document begins here; there is only one after the header"};
    return {std::move(root), std::move(warnings_)};
  }

 private:
  Event expect(EventType type) {
    auto event = events_.next();
    if (event.type != type) throw Error{event.mark, "the YAML text is not complete"};
    return event;
  }

  NodePtr value(const Event& event, std::size_t depth) {
    if (depth > options_.limits.depth)
      throw Error{event.mark,
                  "nested deeper than " + std::to_string(options_.limits.depth) + " levels"};
    NodePtr node;
    switch (event.type) {
      case EventType::alias:
        return alias(event, depth);
      case EventType::scalar:
        node = scalar(event);
        break;
      case EventType::sequence_start:
      case EventType::mapping_start: {
        const bool anchored = !event.anchor.empty();
        if (anchored) open_anchors_.insert(event.anchor);
        node = event.type == EventType::sequence_start ? sequence(event, depth)
                                                       : mapping(event, depth);
        if (anchored) open_anchors_.erase(open_anchors_.find(event.anchor));
        break;
      }
      default:
        throw Error{event.mark, "a value is missing here"};
    }
    check_weight(*node, event.mark);
    if (!event.anchor.empty()) anchors_[event.anchor] = node;
    return node;
  }

  void check_weight(const Node& node, const Mark& mark) {
    if (node.weight() <= options_.limits.weight) return;
    throw Error{mark, "too large once its aliases are written out (more than " +
                          std::to_string(options_.limits.weight) + " values)"};
  }

  NodePtr alias(const Event& event, std::size_t depth) {
    if (open_anchors_.contains(event.anchor))
      throw Error{event.mark, "alias *" + event.anchor + " stands inside the value it refers to"};
    const auto found = anchors_.find(event.anchor);
    if (found == anchors_.end())
      throw Error{event.mark,
                  "unknown alias *" + event.anchor + " (anchors do not reach into other files)"};
    if (depth + found->second->depth() - 1 > options_.limits.depth)
      throw Error{event.mark, "alias *" + event.anchor + " nests deeper than " +
                                  std::to_string(options_.limits.depth) + " levels"};
    return found->second;
  }

  NodePtr scalar(const Event& event) {
    const auto tag = core(event);
    if (tag == "str") return Node::string(event.mark, event.text);
    if (tag == "binary") return binary(event);
    const bool typed = tag == "int" || tag == "float" || tag == "bool" || tag == "null";
    if (!typed && !event.plain) return Node::string(event.mark, event.text);
    try {
      auto resolved = resolve_plain(event.text);
      if (tag == "float" && resolved.kind == Kind::integer) {
        resolved.kind = Kind::real;
        resolved.text += ".0";
      }
      return Node::scalar(event.mark, std::move(resolved));
    } catch (const DateScalar&) {
      throw Error{event.mark,
                  "'" + event.text + "' is read as a date, which GitLab refuses; put it in quotes"};
    }
  }

  static NodePtr binary(const Event& event) {
    auto text = decode_base64(event.text);
    if (!is_utf8(text)) throw Error{event.mark, "!!binary holds what is no UTF-8 text"};
    return Node::string(event.mark, std::move(text));
  }

  /// The name of a standard tag; "" without a tag. Others are reported and have no effect.
  std::string core(const Event& event) {
    if (event.tag.empty() || event.tag == "!") return {};
    if (event.tag.starts_with(core_tag)) {
      const auto name = event.tag.substr(core_tag.size());
      for (const auto* known : {"str", "int", "float", "bool", "null", "binary", "seq", "map"})
        if (name == known) return name;
      throw Error{event.mark, "tag !!" + name + " is not possible here"};
    }
    if (event.tag.starts_with("!ruby/"))
      throw Error{event.mark, "tag " + event.tag + " is not possible here"};
    if (event.tag == "!reference")
      throw Error{event.mark,
                  "!reference needs a list of names, such as !reference [.job, script]"};
    warn(event.mark, "tag " + event.tag + " is not known and has no effect");
    return {};
  }

  NodePtr sequence(const Event& event, std::size_t depth) {
    const bool reference = event.tag == "!reference";
    if (!reference) core(event);
    std::vector<NodePtr> items;
    for (auto next = events_.next(); next.type != EventType::sequence_end; next = events_.next())
      items.push_back(value(next, depth + 1));
    if (!reference) return Node::sequence(event.mark, std::move(items));
    const bool names = !items.empty() && std::all_of(items.begin(), items.end(),
                                                     [](const auto& i) { return i->is_string(); });
    if (!names)
      throw Error{event.mark,
                  "!reference needs a list of names, such as !reference [.job, script]"};
    return Node::reference(event.mark, std::move(items));
  }

  NodePtr mapping(const Event& event, std::size_t depth) {
    core(event);
    Mapping entries;
    std::set<std::string, std::less<>> merged;
    for (auto next = events_.next(); next.type != EventType::mapping_end; next = events_.next()) {
      auto key = read_key(next, depth);
      key.value = value(events_.next(), depth + 1);
      if (key.key == "<<" && next.tag.empty()) {
        merge(entries, *key.value, key.mark, merged);
        continue;
      }
      const auto name = key.key;
      const auto mark = key.mark;
      if (!entries.set(std::move(key)) && merged.erase(name) == 0)
        warn(mark, "key '" + name + "' stands twice in this mapping; the later value counts");
    }
    return Node::mapping(event.mark, std::move(entries));
  }

  Entry read_key(const Event& event, std::size_t depth) {
    const auto node = value(event, depth + 1);
    if (!node->is_scalar())
      throw Error{event.mark, std::string{"a key must be a string, this is "} +
                                  std::string{kind_name(node->kind())}};
    Entry entry;
    entry.mark = event.mark;
    entry.key_kind = node->kind();
    // What `on` or `null` was written like is needed to say what is wrong with it.
    const bool as_written =
        event.type == EventType::scalar && (node->kind() == Kind::boolean || node->is_null());
    entry.key = as_written ? event.text : node->text();
    return entry;
  }

  void merge(Mapping& into, const Node& from, const Mark& mark,
             std::set<std::string, std::less<>>& merged) {
    const auto add = [&](const Node& map) {
      if (!map.is_mapping())
        throw Error{
            mark, std::string{"<< merges mappings, this is "} + std::string{kind_name(map.kind())}};
      merged_ += map.entries().size();
      if (merged_ > options_.limits.weight / 10)
        throw Error{mark, "too large once its merge keys (<<) are written out"};
      for (const auto& entry : map.entries().entries()) {
        into.set(entry);
        merged.insert(entry.key);
      }
    };
    if (!from.is_sequence()) return add(from);
    for (auto item = from.items().rbegin(); item != from.items().rend(); ++item) add(**item);
  }

  void warn(const Mark& mark, std::string text) {
    constexpr std::size_t max_warnings = 100;
    if (warnings_.size() < max_warnings) warnings_.push_back({mark, std::move(text)});
  }

  const ParseOptions& options_;
  EventReader events_;
  std::map<std::string, NodePtr, std::less<>> anchors_;
  std::multiset<std::string, std::less<>> open_anchors_;
  std::vector<Warning> warnings_;
  std::size_t merged_ = 0;  ///< keys that merge keys have copied
};

}  // namespace

Parsed parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.limits.bytes)
    throw Error{{options.source, 0, 0},
                "larger than " + std::to_string(options.limits.bytes) + " bytes"};
  return Builder{text, options}.build();
}

}  // namespace slipway::local::yaml
