#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/endpoint.hpp"

namespace slipway::gitlab_api {

/// Scheme, host and port are the same.
bool same_origin(const net::Url& a, const net::Url& b);

/// `http://host:port`, the default port left out.
std::string origin_text(const net::Url& url);

/// The absolute URL that a Location header means, seen from `base`; nullopt for another scheme than
/// http and https.
std::optional<std::string> resolve_location(const net::Url& base, std::string_view location);

/// The URL without userinfo, query and fragment: for messages.
std::string display_url(std::string_view url);

}  // namespace slipway::gitlab_api
