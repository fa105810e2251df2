#pragma once

#include <string>

#include "local/yaml/node.hpp"

namespace slipway::local::yaml {

/// The tree as YAML text that parse() reads back to the same values: block style, two spaces,
/// aliases written out, quotes only where a plain scalar would be read as something else.
std::string emit(const Node& node);

}  // namespace slipway::local::yaml
