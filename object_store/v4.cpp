#include "object_store/v4.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "object_store/encoding.hpp"

namespace slipway::object_store {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

/// No white space at the ends, one space for every other.
std::string canonical_value(std::string_view text) {
  std::string result;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t') {
      space = !result.empty();
      continue;
    }
    if (space) result += ' ';
    space = false;
    result += c;
  }
  return result;
}

std::map<std::string, std::string> canonical_headers(const V4Request& request) {
  std::map<std::string, std::string> headers{{"host", request.host}};
  for (const auto& [name, value] : request.headers) {
    auto& slot = headers[lower(name)];
    slot += (slot.empty() ? "" : ",") + canonical_value(value);
  }
  return headers;
}

std::string day_of(const Validity& validity) {
  return basic_time(validity.from).substr(0, 8);
}

/// Encoded, in the order of encoded names and values, without the signature.
std::string canonical_query(const V4Request& request, const V4Signer& signer,
                            const Validity& validity) {
  std::string names;
  for (const auto& [name, value] : canonical_headers(request))
    names += (names.empty() ? "" : ";") + name;
  Headers parameters = request.query;
  const auto add = [&](const char* name, std::string value) {
    parameters.emplace_back(signer.prefix + name, std::move(value));
  };
  add("Algorithm", signer.algorithm);
  add("Credential", fmt::format("{}/{}/{}", signer.identity, day_of(validity), signer.scope));
  add("Date", basic_time(validity.from));
  const auto length = std::clamp(validity.length, std::chrono::seconds{1}, longest_v4_validity);
  add("Expires", std::to_string(length.count()));
  add("SignedHeaders", names);
  if (!signer.security_token.empty()) add("Security-Token", signer.security_token);
  for (auto& [name, value] : parameters) {
    name = percent_encoded(name);
    value = percent_encoded(value);
  }
  std::ranges::sort(parameters);
  std::string query;
  for (const auto& [name, value] : parameters)
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, value);
  return query;
}

}  // namespace

std::string header_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool inner = i > 0 && i + 1 < text.size() && text[i - 1] != ' ';
    if (byte > 0x20 && byte < 0x7f && byte != '%')
      result += text[i];
    else if (byte == ' ' && inner)
      result += ' ';
    else {
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result;
}

std::string canonical_request(const V4Request& request, const V4Signer& signer,
                              const Validity& validity) {
  std::string headers;
  std::string names;
  for (const auto& [name, value] : canonical_headers(request)) {
    headers += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  return fmt::format("{}\n{}\n{}\n{}\n{}\nUNSIGNED-PAYLOAD", request.method, request.path,
                     canonical_query(request, signer, validity), headers, names);
}

std::string string_to_sign(const V4Request& request, const V4Signer& signer,
                           const Validity& validity) {
  return fmt::format("{}\n{}\n{}/{}\n{}", signer.algorithm, basic_time(validity.from),
                     day_of(validity), signer.scope,
                     hex(sha256(canonical_request(request, signer, validity))));
}

std::string v4_url(const V4Request& request, const V4Signer& signer, const Validity& validity) {
  return fmt::format("{}://{}{}?{}&{}Signature={}", request.scheme, request.host, request.path,
                     canonical_query(request, signer, validity), signer.prefix,
                     signer.sign(day_of(validity), string_to_sign(request, signer, validity)));
}

}  // namespace slipway::object_store
