#pragma once

#include <algorithm>
#include <string_view>

/// Text of HTTP headers: ASCII only, whatever the locale.
namespace slipway::net {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Equal but for the case of ASCII letters.
inline bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// Without blanks and tabs at both ends.
inline std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Whether a comma-separated header value holds `token`.
inline bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (same_name(trim(list.substr(0, end)), token)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace slipway::net
