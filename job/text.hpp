#pragma once

#include <string_view>

namespace slipway::job {

/// ASCII letters, digits and underscore: what a variable's name is made of.
constexpr bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// `text` without white space at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\n\v\f\r";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

/// The colours of GitLab's logs; `reset` ends every coloured text.
namespace colour {
inline constexpr std::string_view bold_red = "\x1b[31;1m";
inline constexpr std::string_view bold_green = "\x1b[32;1m";
inline constexpr std::string_view bold_yellow = "\x1b[33;1m";
inline constexpr std::string_view bold_cyan = "\x1b[36;1m";
inline constexpr std::string_view yellow = "\x1b[0;33m";
inline constexpr std::string_view reset = "\x1b[0;m";
/// Prefix of the runner's plain lines, end of section marks.
inline constexpr std::string_view clear = "\x1b[0K";
}  // namespace colour

}  // namespace slipway::job
