#pragma once

#include "runner/service.hpp"

namespace slipway::cmd {

/// Completes `options` with what is known of this program: version, slipway-helper and helper image
/// beside it. \throws Fatal.
runner::ServiceOptions completed(runner::ServiceOptions options);

/// Completes `options` and runs the Service on an io_context until its end. Returns the exit code.
/// \throws Fatal, std::runtime_error.
int serve(runner::ServiceOptions options);

}  // namespace slipway::cmd
