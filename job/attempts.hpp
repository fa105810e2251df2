#pragma once

#include <string>
#include <vector>

#include "job/variables.hpp"

namespace slipway::job {

/// A setting of a job variable that is a number of attempts, 1 … 10; 1 without it. A bad one is
/// said in `warnings`.
int attempts(const Variables& variables, const std::string& name,
             std::vector<std::string>& warnings);

}  // namespace slipway::job
