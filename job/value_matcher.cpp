#include "job/value_matcher.hpp"

#include <algorithm>
#include <cstring>

namespace slipway::job {
namespace {

constexpr std::size_t max_window = 255;
/// A scan that has begun no more than this may be given up for a skip: it looks again at these
/// bytes only.
constexpr std::size_t shallow = 2;

/// The table of shifts has this many slots per block in it, so that few others share a slot with
/// one.
constexpr std::size_t slots_per_block = 64;
constexpr unsigned min_slot_bits = 12;
constexpr unsigned max_slot_bits = 18;

/// Bytes of a block: with more of them fewer texts look like a value (500 values of hex digits have
/// nearly every three digits in them somewhere, but hardly any eight), with fewer a skip is longer.
std::size_t block_size(std::size_t window) {
  if (window >= 16) return 8;
  if (window >= 6) return 4;
  return std::min<std::size_t>(window, 3);
}

/// Hash of the block that ends before `end`, `64 - drop` bits long.
template <std::size_t block>
std::size_t slot(const char* end, unsigned drop) {
  std::uint64_t value = 0;
  if constexpr (block == 4 || block == 8) {
    std::memcpy(&value, end - block, block);
  } else {
    for (std::size_t i = 0; i < block; ++i)
      value = value << 8 | static_cast<unsigned char>(end[-1 - static_cast<int>(i)]);
  }
  return static_cast<std::size_t>((value * 0x9E3779B97F4A7C15u) >> drop);
}

std::size_t slot(std::size_t block, const char* end, unsigned drop) {
  switch (block) {
    case 1:
      return slot<1>(end, drop);
    case 2:
      return slot<2>(end, drop);
    case 3:
      return slot<3>(end, drop);
    case 4:
      return slot<4>(end, drop);
    default:
      return slot<8>(end, drop);
  }
}

}  // namespace

ValueMatcher::ValueMatcher(std::vector<std::string> values) {
  std::erase_if(values, [](const std::string& value) { return value.empty(); });
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  build(values);
  if (!values.empty()) build_shifts(values);
}

void ValueMatcher::build(const std::vector<std::string>& values) {
  struct Range {
    std::size_t begin, end;
  };
  // Breadth first over the sorted values: a node stands for the range of values that begin with its
  // text.
  std::vector<Range> ranges{{0, values.size()}};
  nodes_.emplace_back();
  labels_.push_back('\0');
  for (State at = 0; at < nodes_.size(); ++at) {
    auto [begin, end] = ranges[at];
    const std::size_t depth = nodes_[at].depth;
    nodes_[at].match = nodes_[nodes_[at].fail].match;
    if (begin < end && depth > 0 && values[begin].size() == depth) {
      nodes_[at].match = static_cast<std::uint32_t>(depth);
      ++begin;
    }
    nodes_[at].open = begin < end ? nodes_[at].depth : nodes_[nodes_[at].fail].open;
    nodes_[at].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = values[begin][depth];
      auto last = begin;
      while (last < end && values[last][depth] == byte) ++last;
      Node node;
      node.depth = static_cast<std::uint32_t>(depth + 1);
      node.fail = at == 0 ? 0 : step(nodes_[at].fail, byte);
      if (at == 0) root_[static_cast<unsigned char>(byte)] = static_cast<State>(nodes_.size());
      ++nodes_[at].children;
      nodes_.push_back(node);
      labels_.push_back(byte);
      ranges.push_back({begin, last});
      begin = last;
    }
  }
  nodes_.shrink_to_fit();
}

void ValueMatcher::build_shifts(const std::vector<std::string>& values) {
  const auto shortest = std::min_element(values.begin(), values.end(),
                                         [](auto& a, auto& b) { return a.size() < b.size(); });
  window_ = std::min(shortest->size(), max_window);
  block_ = block_size(window_);
  const auto most = window_ - block_ + 1;
  unsigned bits = min_slot_bits;
  while (bits < max_slot_bits && values.size() * most * slots_per_block > 1u << bits) ++bits;
  drop_ = 64 - bits;
  shifts_.assign(std::size_t{1} << bits, static_cast<std::uint8_t>(most));
  for (const auto& value : values) {
    for (std::size_t i = 0; i + block_ <= window_; ++i) {
      auto& shift = shifts_[slot(block_, value.data() + i + block_, drop_)];
      shift = std::min(shift, static_cast<std::uint8_t>(window_ - block_ - i));
    }
  }
}

std::uint32_t ValueMatcher::child(State state, char byte) const {
  if (state == 0) return root_[static_cast<unsigned char>(byte)];
  const auto& node = nodes_[state];
  if (node.children == 0) return 0;
  const char* begin = labels_.data() + node.first_child;
  const auto* found = static_cast<const char*>(std::memchr(begin, byte, node.children));
  return found ? node.first_child + static_cast<std::uint32_t>(found - begin) : 0;
}

ValueMatcher::State ValueMatcher::step(State state, char byte) const {
  while (true) {
    if (const auto next = child(state, byte)) return next;
    if (state == 0) return 0;
    state = nodes_[state].fail;
  }
}

ValueMatcher::State ValueMatcher::parent(State state) const {
  // Nodes are in the order of their children: it is the last one whose children begin at or before
  // `state`, and not far from it if there are few values.
  State reach = 1;
  while (reach < state && nodes_[state - reach].first_child > state) reach *= 2;
  const auto begin = nodes_.begin() + (state - std::min(reach, state));
  const auto after =
      std::upper_bound(begin, nodes_.begin() + state, state,
                       [](State child, const Node& node) { return child < node.first_child; });
  return static_cast<State>(after - nodes_.begin() - 1);
}

std::string ValueMatcher::open_text(State state) const {
  while (nodes_[state].depth > nodes_[state].open) state = nodes_[state].fail;
  std::string text(nodes_[state].depth, '\0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, state = parent(state)) {
    *at = labels_[state];
  }
  return text;
}

/// The first position at or after `at` where a value may begin or that is too near to the end to
/// tell.
template <std::size_t block>
std::size_t ValueMatcher::skip(std::string_view text, std::size_t at) const {
  const std::size_t most = window_ - block + 1;
  const auto drop = drop_;
  const auto shift_at = [&](std::size_t i) {
    return std::size_t{shifts_[slot<block>(text.data() + i + window_, drop)]};
  };
  while (at + window_ <= text.size()) {
    auto shift = shift_at(at);
    // A step of constant size: the processor need not wait for the table to know where to look
    // next.
    while (shift == most) {
      at += most;
      if (at + window_ > text.size()) return at;
      shift = shift_at(at);
    }
    if (shift == 0) return at;
    at += shift;
  }
  return at;
}

template <std::size_t block>
std::size_t ValueMatcher::scan(std::string_view text, std::size_t& position, State& state) const {
  while (position < text.size()) {
    const std::size_t depth = nodes_[state].depth;
    if (depth <= shallow && depth <= position) {
      const auto begin = position - depth;
      const auto at = skip<block>(text, begin);
      if (at != begin) {
        position = at;
        state = 0;
        if (position >= text.size()) break;
      }
    }
    state = step(state, text[position++]);
    if (nodes_[state].match != 0) return nodes_[state].match;
  }
  return 0;
}

std::size_t ValueMatcher::next(std::string_view text, std::size_t& position, State& state) const {
  switch (block_) {
    case 0:
      position = text.size();
      return 0;
    case 1:
      return scan<1>(text, position, state);
    case 2:
      return scan<2>(text, position, state);
    case 3:
      return scan<3>(text, position, state);
    case 4:
      return scan<4>(text, position, state);
    default:
      return scan<8>(text, position, state);
  }
}

}  // namespace slipway::job
