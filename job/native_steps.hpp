#pragma once

namespace slipway::job {

struct Job;

/// GitLab API: `run`. No executor here has a step runner, so the image must: the steps become the
/// raw variable `STEPS` and one `script`, `step-runner ci`. Nothing happens to a job without `run`.
/// \throws Failure (runner_configuration_error) if they are no JSON array, stand beside a `script`,
/// or the job sets `STEPS` itself.
void use_step_runner(Job& job);

}  // namespace slipway::job
