#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

/// Values shorter than this are hidden as they are only: their encodings are words of any log.
inline constexpr std::size_t shortest_encoded = 8;
/// Longer values are hidden as they are only: nobody encodes whole files into a log.
inline constexpr std::size_t longest_encoded = 16384;

/// All texts in which a log may show `value`: itself; percent-encoded; what base64 makes of it
/// wherever it stands in what is encoded, in both alphabets; as part of a JSON text. Without
/// duplicates, the value first.
std::vector<std::string> masked_forms(std::string_view value);

}  // namespace slipway::job
