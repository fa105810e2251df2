#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "local/yaml/mark.hpp"
#include "local/yaml/node.hpp"

namespace slipway::local::yaml {

/// What a text may cost. Beyond: Error with the place at which the limit was met.
struct Limits {
  std::size_t bytes = std::size_t{2} << 20;  ///< of the text, as GitLab's default
  std::size_t depth = 100;                   ///< of nesting, as GitLab's
  /// Nodes with every alias written out, and 64 bytes of text as one more node.
  std::size_t weight = 1'000'000;
};

struct ParseOptions {
  std::uint32_t source = 0;  ///< for the marks
  /// Turns a place in the text (line and column from 1) into the place to report. Empty: as is.
  std::function<Mark(std::uint32_t line, std::uint32_t column)> place;
  Limits limits;
};

struct Parsed {
  NodePtr root;  ///< null node for an empty text
  std::vector<Warning> warnings;
};

/// Parses one YAML document as GitLab reads it: YAML 1.1 with Psych's scalars, anchors, aliases,
/// merge keys (later keys win, wherever `<<` stands) and `!reference`. A key that stands twice has
/// the later value and gives a warning; so does a tag that is not known. A second document is an
/// error (see split_documents). Input is hostile: nothing recurses deeper than the limits.
/// \throws Error.
Parsed parse(std::string_view text, const ParseOptions& options);

}  // namespace slipway::local::yaml
