#pragma once

#include <string>
#include <vector>

#include "local/payload.hpp"

namespace slipway::bench {

/// `echo hello` in the small image, without sources.
local::JobBuilder trivial_job();
/// Prints a file of the repository's commit `sha`.
local::JobBuilder git_job(const std::string& sha);
/// GitLab's documented job with Docker-in-Docker over TLS: prints `first line`, then `engine=…`
/// as the service's Engine says it.
local::JobBuilder dind_job();
/// The same without TLS.
local::JobBuilder plain_dind_job();

inline constexpr const char* first_line = "bench-first-line";

}  // namespace slipway::bench
