#include "docker_api/registry_auth.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace slipway::docker_api {
namespace {

constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string encode_base64(std::string_view bytes, bool url_safe) {
  const auto alphabet = url_safe ? url_alphabet : standard_alphabet;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto part = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= part.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode_padded_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int digits = 0;
  int padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const auto value = c == '=' ? 0 : standard_alphabet.find(c);
    if (value == std::string_view::npos || (padding > 0 && c != '=')) return std::nullopt;
    if (c == '=' && ++padding > 2) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++digits < 4) continue;
    for (int i = 0; i < 3 - padding; ++i) bytes += static_cast<char>(bits >> (16 - 8 * i) & 0xff);
    digits = 0;
    bits = 0;
  }
  if (digits != 0) return std::nullopt;
  return bytes;
}

util::Secret registry_auth_header(const RegistryAuth& auth) {
  auto body = nlohmann::json::object();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) body[key] = value;
  };
  add("username", auth.username);
  add("password", auth.password.reveal());
  add("serveraddress", auth.server_address);
  add("identitytoken", auth.identity_token.reveal());
  add("registrytoken", auth.registry_token.reveal());
  // JSON is UTF-8; what is not becomes U+FFFD, as it does in Docker's own client.
  const auto text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return util::Secret{encode_base64(text, true)};
}

}  // namespace slipway::docker_api
