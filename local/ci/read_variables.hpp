#pragma once

#include "local/ci/field.hpp"
#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// Whose variables are read: each knows other forms.
enum class VariablesOf { root, job, rule, service };

/// Reads a `variables` mapping. \throws yaml::Error.
VariableSpecs read_variables(const Field& field, VariablesOf owner);

}  // namespace slipway::local::ci
