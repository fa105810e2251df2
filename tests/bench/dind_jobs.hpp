#pragma once

#include <chrono>

#include "tests/bench/site.hpp"

namespace slipway::bench {

inline constexpr auto dind_limit = std::chrono::minutes{5};

/// A daemon as the documentation of Docker-in-Docker configures it.
SiteOptions dind_site(int concurrent);
/// From received to the time the daemon stamped on the script's first line.
double first_line_milliseconds(const local::JobRecord& job);
/// \throws WrongResult unless the service's Engine has answered the job.
void check_dind(const local::JobRecord& job);

}  // namespace slipway::bench
