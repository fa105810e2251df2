#pragma once

#include <set>
#include <string>

#include "docker_api/client.hpp"

namespace slipway::bench {

/// Label of the containers and volumes that the bench itself makes.
inline constexpr const char* bench_label = "io.slipway.bench";

/// What is on an Engine, one line per object, for comparing. Containers count only when they are
/// of the bench or of its daemons; volumes and networks always, except the helper volume, which
/// stays on purpose.
struct Census {
  std::set<std::string> objects;
};

/// \param runner  label runner.id of the daemons' containers.
asio::awaitable<Census> take_census(docker_api::Client& engine, std::string runner);

/// What `now` has and `before` has not, one per line; "" = nothing.
std::string leftovers(const Census& before, const Census& now);

/// Removes what carries the bench's label or the runner's, reusable volumes included.
asio::awaitable<void> sweep(docker_api::Client& engine, std::string runner);

}  // namespace slipway::bench
