#pragma once

#include <string>
#include <string_view>

namespace slipway::local::exec {

/// Unpacks a gzip text of at most 1 MiB. \throws std::invalid_argument for anything else.
std::string gunzip(std::string_view packed);

}  // namespace slipway::local::exec
