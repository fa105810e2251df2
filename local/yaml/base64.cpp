#include "local/yaml/base64.hpp"

#include <cstdint>

namespace slipway::local::yaml {

std::string decode_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) continue;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    result += static_cast<char>(bits >> count & 0xff);
  }
  return result;
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    std::size_t more = 0;
    std::uint32_t code = first;
    if (first >= 0xc2 && first < 0xe0) {
      more = 1;
      code = first & 0x1fu;
    } else if (first >= 0xe0 && first < 0xf0) {
      more = 2;
      code = first & 0x0fu;
    } else if (first >= 0xf0 && first < 0xf5) {
      more = 3;
      code = first & 0x07u;
    } else if (first == 0 || first >= 0x80) {
      return false;
    }
    if (at + more >= bytes.size()) return false;
    for (std::size_t next = 1; next <= more; ++next) {
      const auto byte = static_cast<unsigned char>(bytes[at + next]);
      if ((byte & 0xc0) != 0x80) return false;
      code = code << 6 | (byte & 0x3fu);
    }
    constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    at += more + 1;
  }
  return true;
}

}  // namespace slipway::local::yaml
