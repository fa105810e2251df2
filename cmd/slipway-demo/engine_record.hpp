#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::demo {

/// Label of everything that one state directory's daemon makes.
inline constexpr auto state_label = "io.slipway.state";

/// What the Engine itself told of containers while they came and went. So the demo need not take
/// the daemon's word, and knows the volumes that carry no label (those an image asks for).
class EngineRecord {
 public:
  void note(const docker_api::EngineEvent& event);
  /// How often containers of `state` were started.
  std::size_t starts(const std::string& state) const;
  /// Names of all volumes that were mounted in them.
  std::set<std::string> volumes(const std::string& state) const;

 private:
  struct Container {
    std::string state;
    std::size_t starts = 0;
    std::set<std::string> volumes;
  };
  std::map<std::string, Container> containers_;
};

/// Names of the objects of one state directory that are on an Engine.
struct Objects {
  std::vector<std::string> containers;
  std::vector<std::string> networks;
  std::vector<std::string> volumes;
  /// Reusable volumes, named after the runner's token.
  std::vector<std::string> caches;
  /// Helper volumes: made once per Engine, of use to every slipway.
  std::vector<std::string> helper_volumes;

  /// No container, network or volume of a job.
  bool clean() const { return containers.empty() && networks.empty() && volumes.empty(); }
};

/// Looks them up by label; `mounted` names volumes that had a part in it, with or without a label.
/// \throws EngineError, net::Error. `engine` must outlive the call.
asio::awaitable<Objects> find_objects(docker_api::Client& engine, std::string state,
                                      std::set<std::string> mounted);
/// Removes all but the helper volumes. \throws EngineError, net::Error.
asio::awaitable<void> remove_objects(docker_api::Client& engine, Objects objects);

}  // namespace slipway::demo
