#pragma once

#include <cstdint>
#include <string_view>

#include "local/ci/context.hpp"
#include "local/ci/expression.hpp"
#include "local/ci/inputs.hpp"
#include "local/yaml/node.hpp"

namespace slipway::local::ci {

/// A file of the configuration on its way into the tree.
struct FileText {
  std::uint32_t source = 0;  ///< its index in the notes' sources
  std::string_view text;
  const InputValues& inputs;        ///< given by who includes it
  yaml::Mark given_by;              ///< the include; nowhere for the first file
  const VariableLookup& variables;  ///< for `expand_vars`
};

/// Reads one file: header with `spec:inputs`, inputs put in, YAML. The result is a mapping.
/// \throws yaml::Error.
yaml::NodePtr load_file(const FileText& file, Notes& notes);

}  // namespace slipway::local::ci
