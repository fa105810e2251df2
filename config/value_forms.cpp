#include "config/value_forms.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace slipway::config {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// How many characters of a decimal number `text` begins with.
std::size_t number_length(std::string_view text) {
  const auto length = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = text.substr(0, length);
  const bool valid = std::ranges::count(number, '.') <= 1 && std::ranges::any_of(number, is_digit);
  return valid ? length : 0;
}

bool is_whole_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool is_memory_size(std::string_view text) {
  if (text == "-1") return true;
  const auto length = number_length(text);
  if (length == 0) return false;
  std::string unit{text.substr(length)};
  for (auto& c : unit)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (unit.starts_with(' ')) unit.erase(0, 1);
  constexpr std::array units{"",    "b", "k",  "kb",  "kib", "m",  "mb",
                             "mib", "g", "gb", "gib", "t",   "tb", "tib"};
  return std::ranges::find(units, unit) != units.end();
}

bool is_cpu_number(std::string_view text) {
  const auto slash = text.find('/');
  const auto whole = [](std::string_view part) {
    return !part.empty() && number_length(part) == part.size();
  };
  if (slash == std::string_view::npos) return whole(text);
  const auto divisor = text.substr(slash + 1);
  return whole(text.substr(0, slash)) && whole(divisor) &&
         divisor.find_first_not_of("0.") != std::string_view::npos;
}

bool is_ip_address(std::string_view text) {
  const std::string address{text};
  in6_addr bytes{};
  return ::inet_pton(AF_INET, address.c_str(), &bytes) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &bytes) == 1;
}

bool is_mac_address(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' && text[i] != '-' : !is_hex(text[i])) return false;
  return true;
}

bool is_engine_host(std::string_view text) {
  constexpr std::array<std::string_view, 6> schemes{"unix://",  "tcp://", "http://",
                                                    "https://", "ssh://", "npipe://"};
  return std::ranges::any_of(schemes, [&](std::string_view scheme) {
    return text.starts_with(scheme) && text.size() > scheme.size();
  });
}

bool is_ulimit(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return is_whole_number(text);
  return is_whole_number(text.substr(0, colon)) && is_whole_number(text.substr(colon + 1));
}

bool is_extra_host(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size();
}

bool is_server_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme)) {
      const auto host = text.substr(scheme.size());
      return !host.empty() && host[0] != '/' && host.find_first_of(" \t") == std::string_view::npos;
    }
  return false;
}

bool is_absolute_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with('$') || text.find(":\\") == 1;
}

}  // namespace slipway::config
