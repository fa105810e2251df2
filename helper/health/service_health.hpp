#pragma once

#include "job/git_stage.hpp"

namespace slipway::helper {

/// Native stage `service_health`: waits until every service answers, all at once, or the limit is
/// over. Asked from inside the job, whose network the daemon's host may not reach. A service is
/// healthy when any of its ports accepts a connection; a dind service when its engine answers `GET
/// /_ping` with 200 `OK` (Engine API: GET /_ping) over TLS on every port but 2375, over plain TCP
/// on 2375, or on its Unix socket. Certificates are read anew for each try: they may come late.
/// Blocks for at most timeout_seconds plus a moment. Never throws for a peer's fault.
job::ServiceHealthResult check_services(const job::ServiceHealthParameters& parameters);

/// check_services(), with the result as one line of JSON on stdout. Returns 0.
int service_health(const job::ServiceHealthParameters& parameters);

}  // namespace slipway::helper
