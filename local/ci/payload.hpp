#pragma once

#include <nlohmann/json_fwd.hpp>

#include "local/ci/pipeline.hpp"

namespace slipway::local::ci {

/// The payload of a job, as GitLab sends it to a runner, for Coordinator::enqueue(). Its variables
/// are expanded as GitLab expands them; `dependencies` is empty: only who runs the pipeline knows
/// the jobs' ids (see Job::artifacts_from). GitLab API: 201 of POST /jobs/request.
nlohmann::json make_payload(const Pipeline& pipeline, const Job& job);

/// Seconds a job may take: its `timeout`, else an hour.
int timeout_of(const Job& job);

}  // namespace slipway::local::ci
