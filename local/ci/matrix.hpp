#pragma once

#include <string>
#include <utility>
#include <vector>

#include "local/ci/spec.hpp"

namespace slipway::local::ci {

/// One instance of a parallel job.
struct Instance {
  std::string name;
  int index = 0;  ///< from 1; 0: the job is not parallel
  int total = 1;
  std::vector<std::pair<std::string, std::string>> variables;
};

/// The instances of a job: one without `parallel`; `name 1/3`; `name: [a, b]`.
std::vector<Instance> instances_of(const JobSpec& job);

/// Whether an instance is one of those that `needs:parallel:matrix` names; `$[[ matrix.NAME ]]` in
/// the rows stands for the asking instance's value.
bool matrix_matches(const std::vector<MatrixRow>& rows, const Instance& candidate,
                    const std::vector<std::pair<std::string, std::string>>& asking);

}  // namespace slipway::local::ci
