#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::config {

/// A table header of a TOML text and what follows it, as byte positions: for edits that keep
/// everything else as it is.
struct Section {
  std::size_t begin = 0;        ///< start of the header's line
  std::size_t content_end = 0;  ///< after the last line that is neither blank nor a comment
  std::size_t end = 0;          ///< start of the next header's line, or the end of the text
  bool array = false;           ///< [[…]]
  std::vector<std::string> path;
};

/// The sections of a text that is known to be valid TOML, in order; what precedes the first header
/// is none of them.
std::vector<Section> find_sections(std::string_view text);

}  // namespace slipway::config
