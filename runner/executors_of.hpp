#pragma once

#include "config/config.hpp"

namespace slipway::runner {

/// Its jobs run on a Docker Engine, which is looked after: swept, watched, tidied. The jobs of
/// other executors need none.
inline bool uses_engine(const config::Runner& runner) {
  return runner.executor == "docker";
}

}  // namespace slipway::runner
