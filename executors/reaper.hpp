#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "docker_api/client.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors {

/// What could not be removed at a job's end, tried again until it is gone. Drained by runner. Must
/// outlive the executors.
class Reaper {
 public:
  enum class Kind { container, volume, network };

  /// Takes over an object; it is removed at the next drain().
  void adopt(docker_api::Client& engine, Kind kind, std::string id);
  /// Tries everything once, containers first; what fails stays. Never throws but for cancellation.
  asio::awaitable<void> drain();
  std::size_t pending() const { return objects_.size(); }
  /// Removals that failed so far, for the log and metrics.
  std::uint64_t failures() const { return failures_; }

 private:
  struct Object {
    docker_api::Client*
        engine;  ///< outlives the reaper's owner: engines live as long as the process
    Kind kind;
    std::string id;
  };
  std::deque<Object> objects_;
  std::uint64_t failures_ = 0;
};

}  // namespace slipway::executors
