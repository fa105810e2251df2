#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "helper/expansion_scope.hpp"

namespace slipway::helper {

/// A text as characters. A byte that is not UTF-8 is a character of its own, above all others.
struct Characters {
  explicit Characters(std::string_view text);
  std::size_t size() const { return codes.size(); }
  /// The bytes of the characters from `begin` to `end`.
  std::string_view part(std::size_t begin, std::size_t end) const {
    return text.substr(offsets[begin], offsets[end] - offsets[begin]);
  }

  std::string_view text;
  std::vector<std::uint32_t> codes;
  std::vector<std::size_t> offsets;  ///< of each character, and the end
};

/// A shell pattern (`*`, `?`, `[…]`, `\`) against a part of a text; `*` takes `/`, too. Matching
/// takes time in proportion to the lengths of both, whatever the pattern.
class ShellPattern {
 public:
  explicit ShellPattern(std::string_view pattern);

  bool empty() const { return elements_.empty(); }
  /// Where the longest (or shortest) match that begins with character `begin` ends.
  std::optional<std::size_t> match(const Characters& text, std::size_t begin, bool longest,
                                   ExpansionScope& scope) const;
  /// Where the longest (or shortest) match that reaches the end of `text` begins.
  std::optional<std::size_t> match_end(const Characters& text, bool longest,
                                       ExpansionScope& scope) const;

 private:
  enum class Kind { one, any, many };
  struct Element {
    Kind kind = Kind::one;
    bool negated = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;  ///< of Kind::one
    bool takes(std::uint32_t character) const;
  };

  bool add_class(const Characters& pattern, std::size_t& at);
  template <class Codes>
  static std::optional<std::size_t> run(const std::vector<Element>& elements, Codes codes,
                                        std::size_t size, bool longest, ExpansionScope& scope);

  std::vector<Element> elements_;
};

}  // namespace slipway::helper
