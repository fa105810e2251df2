#include "job/masked_forms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "util/base64.hpp"

namespace slipway::job {

namespace {

constexpr std::size_t base64_bits = 6;

void add(std::vector<std::string>& forms, std::string form) {
  if (std::ranges::find(forms, form) == forms.end()) forms.push_back(std::move(form));
}

/// RFC 3986 §2.3; `hex` is a format for one byte.
std::string percent_encoded(std::string_view value, const char* hex, bool plus_for_space) {
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else if (c == ' ' && plus_for_space)
      out += '+';
    else
      out += fmt::format(fmt::runtime(hex), byte);
  }
  return out;
}

/// The characters that no neighbour of the value has a part in, when `before` bytes precede it in
/// its group of three.
std::string base64_core(std::string_view value, std::size_t before, bool url_safe) {
  const auto text = util::encode_base64(std::string(before, '\0') + std::string{value}, url_safe);
  const auto begin = (before * 8 + base64_bits - 1) / base64_bits;
  const auto end = (before + value.size()) * 8 / base64_bits;
  return text.substr(begin, end - begin);
}

/// The code point that begins at `at`, and how many bytes it has; 0 = broken.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(at);
  const std::size_t size = first < 0x80       ? 1
                           : first >> 5 == 6  ? 2
                           : first >> 4 == 14 ? 3
                           : first >> 3 == 30 ? 4
                                              : 0;
  if (size == 0 || at + size > text.size()) return {0, 0};
  std::uint32_t point = size == 1 ? first : first & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {0, 0};
    point = point << 6 | (byte(at + i) & 0x3Fu);
  }
  return {point, size};
}

enum class Json {
  least,    ///< what must be escaped
  ascii,    ///< and everything that is not ASCII
  for_html  ///< and `<`, `>`, `&`
};

/// RFC 8259 §7, the short escapes where there are any.
std::string json_escaped(std::string_view value, Json kind) {
  constexpr std::string_view named = "\b\f\n\r\t\"\\";
  constexpr std::string_view names = "bfnrt\"\\";
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const char c = value[at];
    const auto [point, size] = code_point(value, at);
    const auto known = named.find(c);
    const bool html = kind == Json::for_html && (c == '<' || c == '>' || c == '&');
    if (size == 0) {
      out += c;
    } else if (known != std::string_view::npos) {
      out += '\\';
      out += names[known];
    } else if (point < 0x20 || html || (kind == Json::ascii && point >= 0x7F && point < 0x10000)) {
      out += fmt::format("\\u{:04x}", point);
    } else if (kind == Json::ascii && point >= 0x10000) {
      const auto rest = point - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      out += value.substr(at, size);
    }
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

}  // namespace

std::vector<std::string> masked_forms(std::string_view value) {
  std::vector<std::string> forms{std::string{value}};
  if (value.size() < shortest_encoded || value.size() > longest_encoded) return forms;
  for (const std::size_t before : {0, 1, 2})
    for (const bool url_safe : {false, true}) add(forms, base64_core(value, before, url_safe));
  add(forms, percent_encoded(value, "%{:02X}", false));
  add(forms, percent_encoded(value, "%{:02x}", false));
  add(forms, percent_encoded(value, "%{:02X}", true));
  for (const auto kind : {Json::least, Json::ascii, Json::for_html})
    add(forms, json_escaped(value, kind));
  return forms;
}

}  // namespace slipway::job
