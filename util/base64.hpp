#pragma once

#include <string>
#include <string_view>

namespace slipway::util {

/// RFC 4648 §4, with padding; `url_safe`: the alphabet of §5.
std::string encode_base64(std::string_view bytes, bool url_safe = false);

}  // namespace slipway::util
