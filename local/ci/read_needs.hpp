#pragma once

#include <vector>

#include "local/ci/field.hpp"
#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// Reads `needs`. What reaches beyond this pipeline goes to `refusals`. \throws yaml::Error.
std::vector<NeedSpec> read_needs(const Field& field, std::vector<Refusal>& refusals);
/// Reads `parallel`. \throws yaml::Error.
ParallelSpec read_parallel(const Field& field);
/// Reads a `matrix` list; of at most 200 combinations in all. \throws yaml::Error.
std::vector<MatrixRow> read_matrix(const Field& field);

}  // namespace slipway::local::ci
