#pragma once

#include <map>
#include <string>
#include <vector>

#include "local/ci/field.hpp"
#include "local/yaml/node.hpp"

namespace slipway::local::ci {

/// One input of `spec:inputs` or of a job's `inputs`.
struct InputSpec {
  std::string type = "string";  ///< `string`, `number`, `boolean`, `array`
  yaml::NodePtr default_value;  ///< null pointer: the input must be given
  std::vector<std::string> options;
  std::string regex;
};

/// Values by name.
using InputValues = std::map<std::string, yaml::NodePtr, std::less<>>;

/// Reads an input's declaration; an empty one is a string that must be given. The default has to
/// fit. \throws yaml::Error.
InputSpec read_input(const Field& field);

/// What the file gets: the values given, and the defaults of the others. `given_by` is what is
/// wrong where the file itself is right: the `include`. \throws yaml::Error for a missing, unknown
/// or unfit value.
InputValues resolve_inputs(const Field& declared, const InputValues& given,
                           const yaml::Mark& given_by);

}  // namespace slipway::local::ci
