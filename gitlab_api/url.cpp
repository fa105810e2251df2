#include "gitlab_api/url.hpp"

#include <fmt/format.h>

#include "gitlab_api/client.hpp"

namespace slipway::gitlab_api {

namespace {

using Scheme = net::Endpoint::Scheme;

std::string_view scheme_text(Scheme scheme) {
  return scheme == Scheme::https ? "https" : "http";
}

/// A URI reference that begins with a scheme, whichever.
bool has_scheme(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon != 0 && colon < text.find_first_of("/?#");
}

}  // namespace

std::optional<std::string> api_base(std::string_view url) {
  while (!url.empty() && url.back() == '/') url.remove_suffix(1);
  if (url.ends_with("/ci")) url.remove_suffix(3);
  while (!url.empty() && url.back() == '/') url.remove_suffix(1);
  const auto parsed = net::parse_url(url);
  if (!parsed || parsed->path.find_first_of("?#") != std::string::npos) return std::nullopt;
  return fmt::format("{}{}/api/v4/", origin_text(*parsed), parsed->path);
}

bool same_origin(const net::Url& a, const net::Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

std::string origin_text(const net::Url& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  const auto host = v6 ? fmt::format("[{}]", url.host) : url.host;
  const bool usual = url.port == (url.scheme == Scheme::https ? 443 : 80);
  return usual ? fmt::format("{}://{}", scheme_text(url.scheme), host)
               : fmt::format("{}://{}:{}", scheme_text(url.scheme), host, url.port);
}

std::optional<std::string> resolve_location(const net::Url& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  std::string url;
  if (has_scheme(location)) {
    url = location;
  } else if (location.starts_with("//")) {
    url = fmt::format("{}:{}", scheme_text(base.scheme), location);
  } else if (location.starts_with('/')) {
    url = origin_text(base) + std::string{location};
  } else {
    const auto path = base.path.substr(0, base.path.find('?'));
    const auto folder = location.starts_with('?') ? path : path.substr(0, path.rfind('/') + 1);
    url = origin_text(base) + (folder.empty() ? "/" : folder) + std::string{location};
  }
  if (!net::parse_url(url)) return std::nullopt;
  return url;
}

std::string display_url(std::string_view url) {
  const auto parsed = net::parse_url(url);
  if (!parsed) return "invalid URL";
  return origin_text(*parsed) + parsed->path.substr(0, parsed->path.find_first_of("?#"));
}

}  // namespace slipway::gitlab_api
