#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace slipway::local::yaml {

/// A document within a file's text: a part of it, and the line (from 1) on which it begins.
struct DocumentText {
  std::string_view text;
  std::uint32_t first_line = 1;
};

/// Cuts a file at its `---` lines, which stay with the part that they begin. What holds nothing but
/// comments and directives is no document of its own. `text` must outlive the result.
std::vector<DocumentText> split_documents(std::string_view text);

}  // namespace slipway::local::yaml
