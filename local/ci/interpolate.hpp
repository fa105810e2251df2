#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "local/ci/expression.hpp"
#include "local/ci/inputs.hpp"
#include "local/yaml/mark.hpp"

namespace slipway::local::ci {

/// A text in which blocks were replaced, and how its places belong to the text before.
class Interpolated {
 public:
  const std::string& text() const { return text_; }
  /// The place in the original text; within a replaced block, the block's beginning.
  yaml::Mark place(std::uint32_t source, std::uint32_t line, std::uint32_t column) const;

 private:
  friend class Interpolator;

  struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
  };
  /// A part that was copied, or put in for a block.
  struct Piece {
    Position out;
    Position in;
    bool copied;
  };

  std::string text_;
  std::vector<Piece> pieces_;
};

/// Replaces `$[[ inputs.NAME | function … ]]` in the text of a file, before YAML reads it, as
/// GitLab does: strings as they are, other values as JSON. `$[[ matrix.… ]]` stays. Functions:
/// expand_vars, truncate(offset, length), posix_escape, posix_quote. `first_line` is that of the
/// text within its file. \throws yaml::Error.
Interpolated interpolate(std::string_view text, std::uint32_t source, std::uint32_t first_line,
                         const InputValues& inputs, const VariableLookup& variables);

/// A value as JSON, as it goes into a text.
std::string to_json_text(const yaml::Node& value);

}  // namespace slipway::local::ci
