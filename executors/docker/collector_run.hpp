#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "docker_api/client.hpp"
#include "executors/docker/collector.hpp"
#include "executors/docker/collector_in_use.hpp"
#include "util/asio_fwd.hpp"

namespace slipway::executors::docker {

/// What one collection did.
struct Collected {
  std::size_t removed = 0;
  std::size_t failed = 0;   ///< refused by the Engine, for another reason than use
  std::uint64_t freed = 0;  ///< bytes: as the disk shows it, else the sum of known sizes
  bool exhausted = false;   ///< it ended because nothing more may go
};

/// Looks over one Engine and removes what choose() names. Knows of use what it is told: `in_use` by
/// this process's jobs, the Engine by all containers. Must outlive its calls.
class Collector {
 public:
  struct Settings {
    std::string state_id;
    std::string helper_volume;
    std::string helper_image;
    std::vector<std::string> roots;  ///< local_data_roots()
    /// What is known of use at this moment.
    std::function<Usage()> usage;
    /// Told of each object that was removed.
    std::function<void(const Victim&)> removed;
    std::function<Usage::Time()> now;  ///< the clock of usage
  };

  /// \param engine, in_use  must outlive it.
  Collector(docker_api::Client& engine, InUse& in_use, Settings settings);

  /// How full the local disk is; nullopt for a remote Engine.
  std::optional<DiskSpace> measure() const { return fullest(settings_.roots); }

  enum class Sizes { asked, skipped };
  /// What is on the Engine. `asked`: with the sizes of volumes, which take it long; what it refuses
  /// to tell stays unknown. \throws EngineError, net::Error.
  asio::awaitable<Inventory> look(Sizes sizes);

  /// Removes until choose() wants nothing more, looking again after each batch. \throws
  /// EngineError, net::Error when the Engine cannot be looked at. Cancellation: any kind; a removal
  /// under way is waited for.
  asio::awaitable<Collected> collect(Watermarks marks);

 private:
  enum class Outcome { gone, in_use, failed };
  /// Returns the ids of those that are still there.
  asio::awaitable<std::vector<std::string>> remove_batch(std::vector<Victim> victims,
                                                         Collected& result);
  asio::awaitable<Outcome> try_to_remove(Victim victim);
  asio::awaitable<Outcome> remove(Victim victim);
  asio::awaitable<void> remove_image(Victim victim);

  docker_api::Client& engine_;
  InUse& in_use_;
  Settings settings_;
};

}  // namespace slipway::executors::docker
