#pragma once

#include "config/config.hpp"

namespace slipway::runner {

/// What a daemon needs of its configuration. \throws std::runtime_error that names the key.
void check_runnable(const config::Config& config);

/// Whether the runner can take jobs; why not is logged.
bool is_usable(const config::Runner& runner);

/// Whether what the coordinator sees of a runner, and how it is reached, is the same for both: else
/// it needs a client of its own.
bool same_client(const config::Runner& a, const config::Runner& b);

/// Text of the configuration with this one runner; "" if it has no file.
std::string config_text(const config::Config& config, const config::Runner& runner);

}  // namespace slipway::runner
