#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

/// Finds every occurrence of many values in a stream of bytes: an Aho–Corasick automaton, linear
/// whatever the input, with a table in front of it that skips text in which no value can begin
/// (Wu–Manber). Immutable; needs about 30 bytes per byte of the values and 4 to 256 KiB.
class ValueMatcher {
 public:
  /// Where a scan stands; 0 = nothing begun.
  using State = std::uint32_t;

  /// Empty values and duplicates are dropped.
  explicit ValueMatcher(std::vector<std::string> values);

  bool empty() const { return nodes_.size() == 1; }
  /// Scans `text` from `position` on. Stops behind the next byte with which a value ends and
  /// returns the length of the longest one ending there (it may have begun in an earlier text);
  /// returns 0 at the end of `text`.
  std::size_t next(std::string_view text, std::size_t& position, State& state) const;
  /// How many of the bytes just scanned may still become a value.
  std::size_t open_bytes(State state) const { return nodes_[state].open; }
  /// These bytes. A scan of them from 0 on ends in a state that finds the same as `state` does.
  std::string open_text(State state) const;

 private:
  struct Node {
    std::uint32_t depth = 0;
    std::uint32_t fail = 0;
    std::uint32_t open =
        0;  // length of the longest part at the end that a longer value begins with
    std::uint32_t match = 0;        // length of the longest value that ends here
    std::uint32_t first_child = 0;  // the children are neighbours, their bytes are in labels_
    std::uint16_t children = 0;
  };

  void build(const std::vector<std::string>& values);
  void build_shifts(const std::vector<std::string>& values);
  std::uint32_t child(State state, char byte) const;
  State parent(State state) const;
  State step(State state, char byte) const;
  template <std::size_t block>
  std::size_t skip(std::string_view text, std::size_t at) const;
  template <std::size_t block>
  std::size_t scan(std::string_view text, std::size_t& position, State& state) const;

  std::vector<Node> nodes_;
  std::string labels_;
  std::array<std::uint32_t, 256> root_{};
  std::size_t window_ = 0;  // length of the shortest value, at most 255
  std::size_t block_ = 0;   // bytes that shifts_ looks at: 1 to 4, or 8
  unsigned drop_ = 0;       // bits of a block's hash that are not used
  std::vector<std::uint8_t> shifts_;
};

}  // namespace slipway::job
