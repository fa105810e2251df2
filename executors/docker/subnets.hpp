#pragma once

#include <string>

namespace slipway::executors::docker {

/// Small subnets for networks of jobs. An Engine's default pools hold about 30 networks of up to
/// 65,534 addresses each; what is needed beyond them comes from here: 198.19.0.0/16, which is set
/// aside for tests of network devices and routed nowhere, in pieces of 62 containers.
inline constexpr unsigned small_subnets = 1024;
/// The piece of that number, modulo small_subnets: `198.19.0.64/26`.
std::string small_subnet(unsigned number);

}  // namespace slipway::executors::docker
