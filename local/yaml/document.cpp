#include "local/yaml/document.hpp"

namespace slipway::local::yaml {
namespace {

bool is_divider(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

/// Nothing but space, a comment, a directive or a byte order mark.
bool says_nothing(std::string_view line) {
  if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (line.starts_with("%")) return true;
  const auto first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

}  // namespace

std::vector<DocumentText> split_documents(std::string_view text) {
  std::vector<DocumentText> result;
  std::size_t begin = 0;
  std::uint32_t first_line = 1;
  bool content = false;
  std::uint32_t line_number = 1;
  for (std::size_t at = 0; at < text.size(); ++line_number) {
    auto end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const auto line = text.substr(at, end - at);
    if (is_divider(line)) {
      if (content) {
        result.push_back({text.substr(begin, at - begin), first_line});
        begin = at;
        first_line = line_number;
      }
      content = !says_nothing(line.substr(3));
    } else if (!content) {
      content = !says_nothing(line);
    }
    at = end + 1;
  }
  result.push_back({text.substr(begin), first_line});
  return result;
}

}  // namespace slipway::local::yaml
