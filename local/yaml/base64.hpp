#pragma once

#include <string>
#include <string_view>

namespace slipway::local::yaml {

/// The bytes of a `!!binary` scalar; characters outside of the alphabet are passed over.
std::string decode_base64(std::string_view text);
/// Whether bytes are well-formed UTF-8 without NUL.
bool is_utf8(std::string_view bytes);

}  // namespace slipway::local::yaml
