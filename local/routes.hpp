#pragma once

#include <cstdint>
#include <optional>

#include "local/faults.hpp"
#include "local/git_backend.hpp"
#include "net/http.hpp"

namespace slipway::local {

/// What a request asks for. A PUT of a job's state is update_job until its body is known.
struct Route {
  Endpoint endpoint = Endpoint::request_job;
  std::int64_t job_id = 0;  ///< endpoints of one job, else 0
  GitRequest git;           ///< git endpoints
};

/// nullopt when nothing is served there. Paths are compared as they are: a percent-encoded one is
/// none of ours.
std::optional<Route> find_route(const net::Request& request);

/// Whether the endpoint's body must be a JSON object.
bool takes_json(Endpoint endpoint);

}  // namespace slipway::local
