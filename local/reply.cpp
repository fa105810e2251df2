#include "local/reply.hpp"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

namespace slipway::local {

net::Response empty_reply(int status) {
  net::Response reply;
  reply.status = status;
  return reply;
}

net::Response json_reply(int status, const nlohmann::json& body) {
  auto reply = empty_reply(status);
  reply.headers.set("Content-Type", "application/json");
  reply.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return reply;
}

net::Response message_reply(int status, std::string_view detail) {
  auto text = std::to_string(status) + " " + std::string{net::reason_phrase(status)};
  if (!detail.empty()) text += " - " + std::string{detail};
  return json_reply(status, {{"message", text}});
}

std::optional<nlohmann::json> parse_object(std::string_view body) {
  // Copying and printing a value recurse: depth is bounded here, once.
  constexpr int deepest = 64;
  bool too_deep = false;
  const auto check = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > deepest;
    return !too_deep;
  };
  auto parsed = nlohmann::json::parse(body, check, false);
  if (too_deep || !parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string string_member(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return {};
  return member->get<std::string>();
}

bool same_secret(std::string_view given, std::string_view secret) {
  return !secret.empty() && given.size() == secret.size() &&
         CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

std::string random_text(std::size_t length) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string text;
  while (text.size() < length) {
    std::array<unsigned char, 64> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) < 0)
      throw std::system_error{errno, std::generic_category(), "getrandom"};
    for (const auto byte : bytes) {
      // 248 is the largest multiple of 62: above it the first letters would come more often.
      if (byte < 248 && text.size() < length) text += alphabet[byte % alphabet.size()];
    }
  }
  return text;
}

}  // namespace slipway::local
