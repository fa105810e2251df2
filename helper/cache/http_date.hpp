#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::helper::cache {

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
std::string http_date(std::chrono::sys_seconds time);
/// nullopt for all that is not of that form: nobody sends the older ones.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

}  // namespace slipway::helper::cache
