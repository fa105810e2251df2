#pragma once

#include <string>

namespace slipway::runner {

/// The figures that Prometheus's client libraries tell of every process (`process_*`), in its text
/// format; those that /proc does not give are left out.
std::string process_stats();

}  // namespace slipway::runner
