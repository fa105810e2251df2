#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::object_store {

/// All but RFC 3986's unreserved characters as `%XX`; with `keep_slash`, slashes stay.
std::string percent_encoded(std::string_view text, bool keep_slash = false);

std::string hex(std::string_view bytes);
std::string base64(std::string_view bytes);
/// nullopt for what is no base64 with its padding.
std::optional<std::string> base64_decoded(std::string_view text);

/// Bytes, not hex. \throws std::runtime_error if the crypto library fails, as do the next.
std::string sha256(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);
/// RSASSA-PKCS1-v1_5. \param pem  a private key without a passphrase. nullopt if it is no RSA key.
std::optional<std::string> rsa_sha256(const std::string& pem, std::string_view text);

/// `20130524T000000Z`
std::string basic_time(std::chrono::sys_seconds time);
/// `2013-05-24T00:00:00Z`
std::string extended_time(std::chrono::sys_seconds time);

}  // namespace slipway::object_store
