#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::job {

struct Job;

/// GitLab API: `inputs[]` of POST /jobs/request: a value that the pipeline's author asks for, and
/// whoever starts the job gives.
struct Input {
  std::string key;
  std::string content;  ///< JSON of the kind that its type names
  bool sensitive = false;
};

/// `text` with every `${{ … }}` replaced by the value it names. Expressions are
/// `job.inputs.NAME`, members (`.name`, `["name"]`) and elements (`[0]`) of what it holds, and
/// `str(…)` of these. A string stands for itself, all else for its JSON text. Once only: what a
/// value holds is not looked at again.
/// \throws Failure (runner_configuration_error) for what is no such expression or names nothing,
/// for a sensitive input, and if the result is over 64 MiB.
std::string interpolate(std::string_view text, const std::vector<Input>& inputs);

/// The same in all texts of the job that may hold expressions: `script` and `after_script`, the
/// image and the services, artifacts and caches. Without any input they stay as they are.
/// \throws Failure as interpolate(), which says where it stands.
void interpolate_inputs(Job& job);

}  // namespace slipway::job
