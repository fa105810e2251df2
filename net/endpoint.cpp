#include "net/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "net/text.hpp"

namespace slipway::net {

namespace {

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
}

std::uint16_t default_port(Endpoint::Scheme scheme) {
  return scheme == Endpoint::Scheme::https ? 443 : 80;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// A name, an IPv4 address, or the inside of IPv6 brackets.
bool is_host(std::string_view text, bool in_brackets) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [in_brackets](char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7f) return false;
    if (std::string_view{"<>\"\\^`{|}[]@/?#"}.find(c) != std::string_view::npos) return false;
    return c != ':' || in_brackets;
  });
}

}  // namespace

std::string Proxy::display() const {
  return fmt::format("{}:{}", bracketed(host), port);
}

std::string Endpoint::display() const {
  if (scheme == Scheme::unix_socket) return host;
  return fmt::format("{}:{}", bracketed(host), port);
}

std::string Endpoint::host_header() const {
  if (scheme == Scheme::unix_socket) return "localhost";
  return port == default_port(scheme) ? bracketed(host) : display();
}

std::optional<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
    return std::nullopt;
  Url url;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  if (const auto scheme = text.substr(0, scheme_end); same_name(scheme, "https"))
    url.scheme = Endpoint::Scheme::https;
  else if (!same_name(scheme, "http"))
    return std::nullopt;
  text.remove_prefix(scheme_end + 3);
  text = text.substr(0, text.find('#'));

  const auto authority_end = std::min(text.find_first_of("/?"), text.size());
  auto authority = text.substr(0, authority_end);
  url.path = text.substr(authority_end);
  if (url.path.starts_with('?')) url.path.insert(0, 1, '/');

  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  const bool in_brackets = authority.starts_with('[');
  std::string_view host;
  if (in_brackets) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
  } else {
    host = authority.substr(0, authority.find(':'));
    authority.remove_prefix(host.size());
  }
  if (!is_host(host, in_brackets)) return std::nullopt;
  url.host = host;
  url.port = default_port(url.scheme);
  if (authority.empty() || authority == ":") return url;
  if (authority.front() != ':') return std::nullopt;
  const auto port = parse_port(authority.substr(1));
  if (!port) return std::nullopt;
  url.port = *port;
  return url;
}

}  // namespace slipway::net
